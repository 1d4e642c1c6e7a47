"""Matched difference-in-differences once more, with loops and dictionaries, straight from the method card."""

from collections import defaultdict

import numpy as np

from support.links import links


def plain(match, outcome, window, *, adjust=True, mass=None):
    """Effects and own deviations by (unit, event time); noise by (unit, event time, control, …)."""
    panel = match.panel
    columns = [panel.roles["unit"], panel.roles["time"], outcome]
    y = {(firm, year): float(value) for firm, year, value in panel.frame[columns].itertuples(index=False)}
    cohorts = dict(zip(panel.units, panel.cohorts, strict=True))
    sets = defaultdict(list)
    for p in range(len(links(match).treated)):
        treated, control = panel.units[links(match).treated[p]], panel.units[links(match).control[p]]
        sets[treated].append(
            (
                control,
                links(match).weight[p],
                links(match).x_treated[p],
                links(match).x_control[p],
                links(match).stratum[p],
            )
        )
    parts = ({}, {}, {})
    for event in range(window[0], window[1] + 1):
        kept = remaining(sets, y, cohorts, event) if event != -1 else {}
        if kept:
            collect(parts, kept, event, fit(kept, len(match.covariates), mass or {}), adjust=adjust)
    return parts


def remaining(sets, y, cohorts, event):
    """Change of every treated unit with what is left of its controls, weights renormalised."""
    kept = {}
    for i, controls in sets.items():
        c = cohorts[i]
        mine = y.get((i, c + event), np.nan) - y.get((i, c - 1), np.nan)
        left = []
        for j, w, xi, xj, s in controls:
            change = y.get((j, c + event), np.nan) - y.get((j, c - 1), np.nan)
            if not np.isnan(change) and not cohorts[j] <= max(c + event, c - 1):
                left.append((j, w, xi, xj, (c, s), change))
        if not np.isnan(mine) and left:
            total = sum(entry[1] for entry in left)
            kept[i] = (mine, [(j, w / total, xi, xj, s, change) for j, w, xi, xj, s, change in left])
    return kept


def collect(parts, kept, event, model, *, adjust):
    effects, own, noise = parts
    slope, residual, scaled, per_row = model
    for i, (mine, left) in kept.items():
        shift = sum(w * (xi - xj) for _, w, xi, xj, _, _ in left)
        tau = mine - sum(w * change for _, w, _, _, _, change in left)
        tau -= float(shift @ slope) if adjust else 0.0
        effects[i, event] = tau
        own[i, event] = tau + sum(w * residual[j, s] for j, w, _, _, s, _ in left)
        for number, (j, w, _, _, s, _) in enumerate(left):
            noise[i, event, j, number] = -w * scaled[j, s]
        for (j, s), value in per_row.items() if adjust else ():
            noise[i, event, j, "slope", s] = -float(shift @ value) * scaled[j, s]


def fit(kept, p, mass):
    """Slopes within strata (or cohorts), shrunken intercepts, residuals scaled by the explicit residual maker."""
    rows = {}
    for i, (_, left) in kept.items():
        for j, w, _, xj, s, change in left:
            old = rows.get((j, s), (0.0, None, None))
            rows[j, s] = (old[0] + w * mass.get(i, 1.0), xj, change)
    keys = sorted(rows, key=str)
    r = len(keys)
    weight = np.array([rows[k][0] for k in keys])
    x = np.array([rows[k][1] for k in keys]).reshape(r, p)
    y = np.array([rows[k][2] for k in keys])
    strata, cohorts = [k[1] for k in keys], [k[1][0] for k in keys]
    slopes = np.zeros((p, r))
    for codes in (strata, cohorts):
        if p and r - len(set(codes)) - p >= 5 * p:
            centre = np.eye(r)
            for code in set(codes):
                inside = np.array([c == code for c in codes])
                centre[inside] -= inside * weight / weight[inside].sum()
            within = centre @ x
            slopes = np.linalg.pinv(within.T @ np.diag(weight) @ within) @ within.T @ np.diag(weight)
            break
    left = y - x @ (slopes @ y)
    smoother = shrink(left, strata, cohorts)
    maker = (np.eye(r) - smoother) @ (np.eye(r) - x @ slopes)
    residual, length = maker @ y, (maker**2).sum(axis=1)
    ok = length > 1e-8
    scaled = np.where(ok, residual / np.sqrt(np.where(ok, length, 1)), 0.0)
    scaled[~ok] = np.sqrt((scaled[ok] ** 2).mean()) if ok.any() else 0.0
    return (
        slopes @ y,
        dict(zip(keys, residual, strict=True)),
        dict(zip(keys, scaled, strict=True)),
        dict(zip(keys, slopes.T, strict=True)),
    )


def shrink(values, strata, cohorts):
    """Smoother matrix: means of strata shrunk towards those of cohorts by the analysis of variance."""
    r = len(values)
    same = {
        name: np.array([[a == b for b in codes] for a in codes], float)
        for name, codes in (("s", strata), ("c", cohorts))
    }
    near, far = (same[k] / same[k].sum(axis=1, keepdims=True) for k in ("s", "c"))
    size, whole = same["s"].sum(axis=1), same["c"].sum(axis=1)
    free, room = r - len(set(strata)), r - (size / whole).sum()
    if not free or room <= 1e-8:
        return far
    inner = ((values - near @ values) ** 2).sum() / free
    outer = (((near - far) @ values) ** 2).sum() - (len(set(strata)) - len(set(cohorts))) * inner
    outer = max(0.0, outer / room)
    share = (size * outer / (size * outer + inner))[:, None]
    return share * near + (1 - share) * far


def standard_error(match, parts, chosen, *, clusters=None, mass=None):
    """Standard error of the (weighted) mean of the chosen (unit, event time) effects; clusters maps units to labels."""
    effects, own, noise = parts
    mass = mass or {}
    total = sum(mass.get(i, 1.0) for i, _ in chosen)
    mean = sum(mass.get(i, 1.0) * effects[i, e] for i, e in chosen) / total
    rows = defaultdict(float)
    name = (lambda unit: (clusters or {}).get(unit, ("alone", unit))) if clusters else (lambda unit: unit)
    inside = set(chosen)
    for i, e in chosen:
        rows[name(i)] += mass.get(i, 1.0) * (own[i, e] - mean) / total
    for key, value in noise.items():
        i, e, j = key[:3]
        if (i, e) in inside:
            rows[name(j)] += mass.get(i, 1.0) * value / total
    return mean, np.sqrt(sum(value**2 for value in rows.values()))
