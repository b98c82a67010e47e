from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class Pages(PageNumberPagination):
    """?page=N&page_size=M, at most 500 rows a page."""

    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Request) -> int | None:
        text = request.query_params.get("page_size", "")
        if text and not (text.isdecimal() and len(text) < 10 and int(text)):
            raise ValidationError({"page_size": f"Write a whole number from 1 to {self.max_page_size}."})
        return super().get_page_size(request)
