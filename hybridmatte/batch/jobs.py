"""Old place of `pairing`, until the other rooms use the new one."""

from hybridmatte.batch.pairing import Job, pair_by_stem, pictures_in  # noqa: F401
