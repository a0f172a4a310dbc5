"""Config files read once for a whole sweep."""

from typing import Any

from hydra._internal.config_repository import IConfigRepository


class ReadOnce(IConfigRepository):
    """Hydra's files of config, each read when first asked for and never again.

    Hydra reads some thirty files anew for every job, which takes as long as all else that it does there; and
    a file edited while a sweep runs would reach the later trials alone.
    """

    def __init__(self, files: IConfigRepository) -> None:
        self.files = files
        self.read: dict[str, Any] = {}

    def __deepcopy__(self, memo: Any) -> "ReadOnce":
        return self  # Hydra copies its files before every job, so that what it reads of them stays apart

    def load_config(self, config_path: str) -> Any:
        if config_path not in self.read:
            self.read[config_path] = self.files.load_config(config_path)
        return self.read[config_path]

    def get_schema_source(self) -> Any:
        return self.files.get_schema_source()

    def initialize_sources(self, config_search_path: Any) -> None:
        self.files.initialize_sources(config_search_path)

    def group_exists(self, config_path: str) -> bool:
        return self.files.group_exists(config_path)

    def config_exists(self, config_path: str) -> bool:
        return self.files.config_exists(config_path)

    def get_group_options(self, group_name: str, *arguments: Any, **more: Any) -> list[str]:
        return self.files.get_group_options(group_name, *arguments, **more)

    def get_sources(self) -> Any:
        return self.files.get_sources()
