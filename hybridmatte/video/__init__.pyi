# The public names for type checkers; __init__.py loads them on first use.

from hybridmatte.video.clips import Clip as Clip, Frame as Frame
from hybridmatte.video.colours import ColourTags as ColourTags
from hybridmatte.video.reading import read_clip as read_clip
from hybridmatte.video.writing import write_clip as write_clip
