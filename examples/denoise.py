"""Take the noise off a cosine by exponentially weighted averages: what a small and a large b do, and the correction."""

import numpy as np

import ravine as rv

POINTS, PERIOD = 1000, 500
BETAS = (0.5, 0.9, 0.98)


def signal(seed=0, deviation=0.4):
    """Give two periods of a cosine, without and with noise."""
    clean = rv.kernels.sincospi(np.arange(POINTS) * (2.0 / PERIOD))[1]
    return clean, clean + rv.kernels.random_normal(np.empty(POINTS), deviation=deviation, seed=seed)


def roughness(series):
    """Give the root mean square of the steps from point to point."""
    return float(np.sqrt((np.diff(series) ** 2).mean()))


def lag(series, clean, most=100):
    """Give by how many points the series comes behind the clean one: the shift with the least error."""
    errors = [((series[PERIOD:] - clean[PERIOD - k : POINTS - k]) ** 2).mean() for k in range(most)]
    return int(np.argmin(errors))


def rows(seed=0):
    """Give, for each b and with and without correction, the average and its figures."""
    clean, noisy = signal(seed)
    for beta in BETAS:
        for corrected in (False, True):
            average = rv.ewma(noisy, beta, bias_correction=corrected)
            error = float(np.sqrt(((average - clean) ** 2).mean()))
            start = float(np.abs(average - clean)[:10].mean())
            yield beta, corrected, error, roughness(average), lag(average, clean), start


def main():
    clean, noisy = signal()
    error = float(np.sqrt(((noisy - clean) ** 2).mean()))
    print(f"noisy cosine: error {error:.3f}, roughness {roughness(noisy):.3f}")
    print("   b  corrected  error  roughness  lag  first ten points off by")
    for beta, corrected, error, rough, behind, start in rows():
        word = "yes" if corrected else "no"
        print(f"{beta:4}  {word:>9}  {error:.3f}  {rough:9.3f}  {behind:3d}  {start:.3f}")


if __name__ == "__main__":
    main()
