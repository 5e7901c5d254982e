"""JSON merge patches (RFC 7396): what a document says once a patch is laid over it. Pure, and knows no job."""


def merge_patch(target: object, patch: object) -> object:
    """Return the target with the patch laid over it, as section 2 has it; neither of them is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
