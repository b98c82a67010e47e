from aiops import navigation

navigation.register("Assist", "Digests", "digests", "calendar", "monitoring:read", order=40)
