"""What happens to the demonstration, told to rooms that show more of it than this one knows. They answer before the call goes on."""

from django.dispatch import Signal

demo_installed = Signal()  # world: World, resources: {(kind, name): Resource} – everything stands, also when it is repaired
demo_removed = Signal()  # resources: list[int] – ids; their samples are gone, their rows are still there
