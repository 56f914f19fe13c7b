"""The pictures of the guide: contact sheets of scenes, made or free, whose true alpha is known where it was made."""
