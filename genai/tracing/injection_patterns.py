"""How texts that give orders to a model read, as verbose regular expressions over folded text: lower case, no accents. `~` stands for
whatever parts words, also the dots and underscores of a label; `injection.py` puts that in."""

_RULES = r"""(?:instructions?|prompts?|rules?|guidelines?|directives?|constraints?|guard~?rails?|restrictions?|programming|polic(?:y|ies)
    |orders|commands|safeguards?|filters?)"""
_YOURS = r"""(?:all|any|every|your|my|our|these|those|previous|prior|above|preceding|earlier|former|system|safety|security|original
    |initial|developer|foregoing|given|current|content|policy)"""
_FILL = r"(?:(?:of|the|and|set|that|you|were|was|have|been|other|such)~)"
_FORGET = r"""(?:ignore|disregard|forget|override|overrule|bypass|neglect|discard|abandon|unlearn|(?:do~not|don'?t|stop
    |never)~(?:follow(?:ing)?|obey(?:ing)?|listen(?:ing)?~to|adher(?:e|ing)~to))"""
_AI = r"""(?:ai|a~i|llms?|(?:ai~)?assistants?|language~models?|chatbots?|copilots?|chatgpt|gpt|claude|gemini|llama|ai~agents?|ai~models?
    |ai~systems?|aiops~assistant)"""
_MUST = r"""(?:must|should|shall|need~to|needs~to|have~to|has~to|will|are~required~to|is~required~to|are~ordered~to|are~instructed~to
    |please)"""
_SHOW = r"""(?:reveal|print|output|repeat|show|display|leak|dump|send|disclose|share|expose|recite|give|tell|list|include|write|encode
    |exfiltrate|post|forward|quote|paste|append|embed|return|translate|upload|e~?mail)"""
_SECRETS = r"""(?:passwords?|secrets?|api~?keys?|access~?keys?|tokens?|credentials?|private~?keys?|env(?:ironment)?~?variables?
    |conversations?|chat~history|session~cookies?|context|connection~strings?|customer~data|user~data)"""
_TOOLS = r"(?:propose~?remediation|draft~?rule|query~?metrics|find~?metrics|search~?knowledge|similar~?incidents|shift~?report)"
_DO = r"""(?:call|invoke|run|execute|trigger|use|delete|drop|wipe|destroy|erase|remove|restart|reboot|stop|kill|scale|disable
    |shut~?down|reveal|print|output|send|approve|reject|close|resolve|silence|acknowledge|ignore|say|answer|reply|respond|tell
    |include|forward|file|propose|confirm|obey|comply|grant|create|open|fetch|visit|download|upload|conclude|report|state|claim
    |recommend|rank|blame|rate|score|mark|treat|pretend|act|switch|output|add|append|start|begin|end)"""
_NOW = r"(?:(?:now|immediately|first|also|always|instead|then|only|never|not|simply|just|please|silently|at~once)~)"

# what is tried -> how that reads
PATTERNS: dict[str, str] = {
    "forget its rules": rf"""
        {_FORGET}~(?:{_FILL}|about~){{0,2}}(?:{_YOURS}~)(?:{_FILL}|{_YOURS}~){{0,5}}{_RULES}
        |{_FORGET}~(?:{_FILL}){{0,2}}{_RULES}~(?:above|before|(?:that~)?you~(?:were|have|got)|given~(?:above|before|to~you))
    """,
    "forget what it was told": rf"""
        {_FORGET}~(?:about~)?(?:absolutely~)?(?:everything|anything|all|what(?:ever)?)~(?:(?:that~)?(?:(?:you|has|have|was|were
        |is|came|i|we)~)?(?:ever~)?(?:been~|were~)?(?:above|before|told|said|learned|written|instructed|know)|(?:above|before
        |prior|previous|earlier))
    """,
    "be somebody else": r"""
        you~are~(?:now~|no~longer~|hereby~)(?:an?~|the~|my~|in~|bound~|going~to~)?(?:[a-z0-9]+~){0,2}(?:unrestricted|unfiltered
        |uncensored|dan|jailbroken|developer~mode|root|admin(?:istrator)?|god|evil|free|different|assistant|ai|chatbot|bot
        |language~model|agent|hacker|bound|restricted|limited|operator|shell|terminal|expert)
    """,
    "play a part": rf"""
        (?:act~as|act~like|behave~as|behave~like|pretend~to~be|pretend~(?:that~)?you~are|pretend~(?:that~)?you~have
        |role~?play(?:ing)?~as|simulate|impersonate|imagine~you~are|take~on~the~role~of|assume~the~role~of)~(?:if~you~were~
        |if~you~are~)?(?:an?~|the~|my~|your~)?(?:[a-z0-9]+~){{0,2}}(?:unrestricted|unfiltered|uncensored|dan|root
        |admin(?:istrator)?|sysadmin|{_AI}|hacker|attacker|no~rules|no~restrictions|no~filters?|evil|grandmother|linux~terminal
        |developer)
    """,
    "leave its mode": r"""
        (?:(?:enter|enable|activate|switch~to|switch~into|turn~on|start)~(?:the~)?(?:god|dan|developer|unrestricted|jailbreak
        |unsafe|sudo|opposite)~mode|(?:god|dan|developer|jailbreak)~mode~(?:enabled|on|activated|is~on)|do~anything~now
        |jailbreak~(?:yourself|prompt|the~(?:ai|model|assistant)))
    """,
    "order it from now on": rf"""
        (?:from~now~on|henceforth|from~this~(?:point|moment)(?:~on|~forward)?|starting~now|for~the~rest~of~(?:this
        |the)~(?:conversation|chat|session))[,\s:]{{0,3}}(?:you|{_AI}|your|the~assistant|every~answer|all~answers|always~answer
        |always~reply)
    """,
    "speak as the system": r"""
        (?:[<‹]\|?/?(?:im~?start|im~?end|system|assistant|user|eot~?id|begin~?of~?text|start~?header~?id|end~?of~?turn
        |start~?of~?turn|tool~?calls?|tool~?response|function~?calls?|sys|data)\|?[>›]|<<\s*/?sys\s*>>|\[/?(?:inst|sys|system
        |tool~?calls|system~prompt)\]|\#{2,}\s*(?:system|instructions?|new~instructions?|system~prompt|assistant|human|user
        |developer)\s*:?\s*(?:\n|you~|ignore|do~|always|never|forget)|["']role["']\s*:\s*["'](?:system|developer|assistant
        |tool)["'])
    """,
    "speak as somebody else": rf"""
        (?:^|[\n;|>"'\].])\s*(?:system|developer|assistant|admin|user|human|operator)(?:~(?:message|prompt|override|note
        |instruction|update))?\s*:\s*(?:you~|ignore~|disregard~|forget~|new~instructions|override~|the~user~|please~(?:ignore
        |delete|reveal|call)|call~|sure[,!]|ok[,!]|i~will~|{_NOW}{_DO}~)
    """,
    "end the data": r"""
        (?:(?:end|begin|start)~of~(?:the~)?(?:untrusted~|quoted~|user~|external~|system~|retrieved~|tool~)(?:data|input|text
        |content|prompt|documents?|output|instructions?|message)|(?:end|close)~of~(?:data|document|logs?|alert|quote|context
        |label|input)\b.{0,3}\s*(?:now|new|the~(?:real|actual|following)|system|begin|instructions?|here|you)|the~(?:data|text
        |quote|document)~(?:block~|section~)?(?:ends|is~over|stops)~here)
    """,
    "give new orders": rf"""
        (?:(?:new|updated|revised|real|actual|true|additional|hidden|secret|urgent|important|special|critical
        |priority)~(?:system~)?(?:instructions?|orders?|directives?|objectives?|task|goal|prompt)s?(?:~(?:for|to)~(?:the~|you
        |any~|all~){{0,2}}(?:{_AI})?)?\s*(?:[:=>–—]|follow|is~to|are~to|below)|your~(?:new|real|actual|true|only|next|first|sole
        |primary)~(?:task|goal|objective|instructions?|job|mission|purpose|action|step|order|duty)~(?:is|are)|here~(?:are
        |is)~(?:your|the)~(?:new|real|actual|updated)~(?:instructions?|task|orders?|rules?))
    """,
    "call on the model": rf"""
        (?:(?:attention|note|notice|message|instructions?|memo|reminder|warning|order|request|advice|hint|info
        |information)s?~(?:to|for)~(?:the~|any~|all~|every~)?(?:[a-z0-9]+~)?{_AI}|(?:attention|hey|dear|hello|hi|listen|ok|okay
        |urgent|psst|to)[,:!\s]{{1,3}}(?:the~|any~|all~|every~|our~)?{_AI}(?:[,:!]|~that~|~who~|~which~|~reading|~processing
        |~summari|~analy|~agent)|(?:if|when|as|since|because)~you~are~(?:an?~)?(?:[a-z0-9]+~)?{_AI}|{_AI}~(?:that~|who~
        |which~)?(?:is~|are~)?(?:reading|processing|summari[sz]ing|parsing|analy[sz]ing|seeing)~(?:this|these|the))
    """,
    "order the model": rf"""
        (?:{_AI})[,:]?~(?:{_MUST}~)(?:{_NOW}){{0,2}}{_DO}(?:~|$)
    """,
    "order you": rf"""
        (?:^|[^a-z])you~(?:must|shall|have~to|need~to|are~required~to|are~ordered~to|are~instructed~to|are~hereby
        |will)~(?:{_NOW}){{0,3}}(?:call~the|invoke|reveal|obey|comply|approve|answer|reply|respond|say|tell|ignore|claim
        |conclude|state|pretend|recommend|output|disclose|print~your|file~a|propose|execute~the~following|include|disregard)
    """,
    "tell it what to answer": rf"""
        (?:(?:respond|reply|answer)~(?:only~|exactly~|simply~|always~|just~)*(?:with|by|that|in)(?:~exactly)?(?:~the~(?:text|word|words
        |phrase|following|sentence))?\s*[:"'“‘]|(?:respond|reply|answer)~(?:only|exactly|simply)~with|your~(?:entire~|whole~
        |final~|only~|next~)?(?:reply|answer|response|output|summary|message)~(?:must|should|shall|will|has~to|is~to)~(?:be
        |contain|include|say|state|start|end|begin|only|not)|in~your~(?:answer|reply|response|summary
        |report)[,\s]{{1,2}}(?:{_NOW})?(?:say|include|state|write|claim|add|put|mention|link|recommend|tell)
        |when~(?:you~are~)?(?:asked|summari[sz]ing|answering|you~(?:read|see|summari[sz]e|answer|reply|respond
        |analy[sz]e))[^.\n]{{0,60}}?[,\s](?:say|reply|answer|always|state|claim|include|call|run|tell|delete|respond|you|do~not
        |never))
    """,
    "use its tools": rf"""
        (?:(?:call|invoke|use|run|execute|trigger)~(?:the~|your~|a~|its~)?(?:tool~|function~)?[`'"‘“(]{{0,2}}{_TOOLS}
        |{_TOOLS}\s*\(|(?:call|invoke|use|trigger)~(?:the~|your~|every~|all~|any~)(?:[a-z0-9]+~)?(?:tools?|functions?)(?:~(?:to
        |with|and|now|on|for)|$|[.:,;!])|["'](?:tool~?calls?|function~?call|tool~?use|tool~?name)["']\s*:
        |["']name["']\s*:\s*["']{_TOOLS}|your~tools?~to|with~your~tools|(?:file|submit|create|open|make)~(?:an?~
        |the~)(?:remediation~)?(?:proposal|remediation)[^.\n]{{0,40}}(?:delete|drop|restart|stop|scale|wipe|terminate|reboot
        |shut))
    """,
    "reveal its words": rf"""
        (?:{_SHOW}|what~(?:is|are|were))~(?:(?:me|us|them|back|out|the~user|it|verbatim|exactly|word~for~word|in~full)~)?
        (?:(?:all|the|any|of|full|entire|whole|complete|exact|first|contents?|text|everything~in)~|your~(?=(?:[a-z]+~){{0,2}}
        (?:prompt|instructions?|message))){{0,4}}
        (?:(?:system|hidden|initial|secret|original|developer|internal)~(?:prompts?|instructions?|message)
        |your~(?:own~)?(?:instructions?|prompts?|rules|guidelines|configuration|context|training~data|memory|programming))
        |(?:{_SHOW})~(?:everything|the~text|all~text|the~words|all~(?:the~)?words)~(?:above|before)
    """,
    "carry secrets out": rf"""
        {_SHOW}~(?:(?:me|us|them|out|back|along)~)?(?:(?:all|the|any|your|every|of|its|our|known|stored|full|current|these|those
        |user|admin|\w+'s)~){{0,4}}(?:[a-z0-9]+~){{0,2}}{_SECRETS}(?:~(?:and|or
        |plus)~(?:[a-z0-9]+~){{0,3}}{_SECRETS})?[^\n]{{0,30}}?(?:~(?:to|in|at|as|into|via|through|over)~[^\n]{{0,30}}?(?:https?:
        |www\.|\w@\w|attacker|evil|webhook|an?~(?:url|link|image|query)|the~(?:url|link|image|following|answer|reply|query)
        |base64|your~(?:answer|reply|response|summary|context|memory))|~(?:that~)?you~(?:know|have|hold|can~see|can~find
        |were~given|have~access|see))
    """,
    "carry it out in a link": r"""
        !?\[[^\]\n]{0,80}\]\(\s*(?:https?:)?//[^)\s]{0,200}?(?:[?&](?:q|d|data|s|secrets?|token|key|leak|x|c|prompt|payload
        |exfil|info|content|context|text|msg|stolen|p|v|u|password|log|dump|conversation|summary|answer)=|[{$<\[]|%7b)
    """,
    "hide from people": r"""
        (?:(?:do~not|don'?t|never|must~not|should~not|without)~(?:ever~)?(?:tell(?:ing)?|mention(?:ing)?|reveal(?:ing)?
        |inform(?:ing)?|let(?:ting)?|ask(?:ing)?|show(?:ing)?|disclos(?:e|ing))~(?:any~of~)?(?:this~|it~|that~
        |these~instructions~|anything~|about~)?(?:to~)?(?:the~|any~|your~)?(?:user|human|operator|person|reader|engineer|anyone
        |anybody|a~human)|keep~(?:this|these|it)~(?:hidden|secret)~from~(?:the~)?(?:user|human|operator|people|everyone)
        |do~not~mention~(?:this|these|that~you|the)~(?:instructions?|message|text|note|were|was|label)|(?:do~not|don'?t|never
        |no~need~to|without)~(?:ask(?:ing)?~for|request(?:ing)?|seek(?:ing)?|wait(?:ing)?~for)~(?:any~|the~|human~
        |an?~)?(?:approval|confirmation|permission|consent)|(?:skip|bypass|circumvent|evade)~(?:the~|any~|all~
        |human~)?(?:approvals?|policy|policies|guard~?rails?|safety|confirmation|human~review|security~checks?))
    """,
    "claim authority": r"""
        (?:(?:this~is|i~am|i'm|we~are|message~from|by~order~of|speaking~as)~(?:the~|your~|an?~)?(?:system~administrator
        |administrator|developer|creator|owner|openai|anthropic|groq|system~operator|security~team|aiops~team|ceo|vendor
        |root~user)[^.\n]{0,60}?(?:[,:;.!]~|and~|who~)?(?:i~|you~|we~|please~|now~|must~|order|instruct|command|authori|grant
        |require|delete|ignore|reveal|disable)|(?:i|we)~(?:hereby~)?(?:authori[sz]e|grant|permit|order|command|instruct
        |empower)~you|you~(?:are|have~been)~(?:hereby~)?(?:authori[sz]ed|granted|permitted|allowed|cleared|pre~?approved)~(?:to
        |full|admin|root|access|by)|(?:already~|pre~?)(?:approved|authori[sz]ed)~by~(?:the~)?(?:admin|administrator|security|ceo
        |owner|operator|user)[^.\n]{0,40}(?:delete|restart|run|execute|call|wipe|drop|stop))
    """,
    "the same in another language": r"""
        (?:ignorier\w*|vergiss|vergesst|missachte\w*)~(?:\w+~){0,3}(?:anweisung\w*|anleitung\w*|befehl\w*|regeln|vorgaben)
        |(?:ignore[zr]?|oublie[zr]?)~(?:\w+~){0,3}(?:instructions|consignes|regles|directives)~(?:\w+~)?(?:precedent\w*
        |anterieur\w*|ci~dessus|donnees)|(?:ignora|olvida|descarta|omite)\w*~(?:\w+~){0,3}(?:instrucciones|indicaciones|reglas
        |ordenes)|(?:ignore|esqueca|desconsidere)~(?:\w+~){0,3}(?:instrucoes|regras|ordens)|(?:ignora|dimentica
        |trascura)\w*~(?:\w+~){0,3}(?:istruzioni|regole|ordini)|(?:negeer|vergeet)~(?:\w+~){0,3}(?:instructies|regels
        |opdrachten)|(?:zanemari|ignoriraj|zaboravi)\w*~(?:\w+~){0,3}(?:upute|uputstva|instrukcije|naredbe|pravila)|(?:zignoruj
        |pomin|zapomnij)\w*~(?:\w+~){0,3}(?:instrukcj\w*|polecen\w*|zasad\w*)|(?:игнорируй|забудь|проигнорируй
        |отмени)\w*~(?:\w+~){0,3}(?:инструкци\w*|указани\w*|правил\w*|команд\w*)|(?:忽略|无视|無視|忘记|忘掉|忽視)[^\n。]{0,12}(?:指令|指示|说明|說明
        |规则|規則|提示)|(?:指示|命令|ルール|指令)を?(?:すべて|全て|全部)?(?:無視|忘れ)|(?:이전|위|모든)[^\n]{0,10}(?:지시|명령|지침)[^\n]{0,6}(?:무시|잊)|(?:تجاهل
        |انس)[^\n]{0,20}(?:التعليمات|الأوامر|القواعد)
    """,
}

# Without any gaps: of letters that were spread out.
COMPACT = (
    r"(?:ignore|disregard|forget|override|bypass)(?:all|any|your|the|my|of|previous|prior|above|system|safety|earlier){1,5}"
    r"(?:instruction|rule|prompt|guideline|directive)|(?:reveal|print|show|repeat)(?:me)?(?:your|the)?(?:system|hidden|secret)prompt"
    r"|proposeremediation|donottelltheuser|youarenow(?:dan|unrestricted|root|admin)"
)
