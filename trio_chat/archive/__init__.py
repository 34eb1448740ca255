"""The log in forms that other programs and people read, and back: `export`, `import`, and bars for what takes long."""

from trio_chat.archive.export import export
from trio_chat.archive.import_ import import_log
from trio_chat.archive.progress import reindexed
from trio_chat.archive.weechat import import_weechat

__all__ = ["export", "import_log", "import_weechat", "reindexed"]
