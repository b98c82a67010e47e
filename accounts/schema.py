"""How the API's documentation describes our tokens."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.TokenAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        about = "An API token. Also accepted as Authorization: Token, and as the password of Basic."
        return [{"type": "http", "scheme": "bearer", "description": about}, {"type": "apiKey", "in": "header", "name": "X-API-Key"}]
