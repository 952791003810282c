"""Help texts of the API that list vendors' channels, which are registered after the texts are written."""

from __future__ import annotations

from django.utils.functional import lazystr

from pushcore.channels import third_channels


def text_of_channels(text: str) -> str:
    """Return a lazy text whose lists of channels are filled in whenever it is read.

    Args:
        text: May hold `{numbers}` (number and title of each vendor's channel), `{analysis_names}`, and the names in
            parameters by vendor: `{with_categories}`, `{with_pass_through}`.
    """
    return lazystr(_TextOfChannels(text))  # type: ignore[return-value]  # reads as a text wherever it is used


class _TextOfChannels:
    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        described = [channel.description for channel in third_channels()]
        return self._text.format(
            numbers=", ".join(f"{one.number} {one.title}" for one in described),
            analysis_names=", ".join(one.analysis_name for one in described),
            with_categories=", ".join(one.analysis_name.lower() for one in described if one.categories),
            with_pass_through=", ".join(one.analysis_name.lower() for one in described if one.encode_transparent),
        )
