"""Where faces, people, objects, text and background are: masks, where they come from, finders."""
