"""Training without gradients: four searches on the table of exclusive or, and on a layer that has no derivative."""

import numpy as np

import ravine as rv

SEARCHES = [
    rv.optimizers.SimulatedAnnealing(),
    rv.optimizers.GeneticAlgorithm(),
    rv.optimizers.OpenAIES(sigma=0.3),
    rv.optimizers.CMAES(),
]
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([0, 1, 1, 0])


def train(optimizer, activation="sigmoid", steps=300, seed=0):
    """Search the weights of a 3-4-1 net; give the model and the losses of the best weights, before each step."""
    model = rv.Sequential(
        [rv.layers.Dense(4, activation=activation), rv.layers.Dense(1, activation="sigmoid")], random_state=seed
    )
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(X, y, epochs=steps, batch_size=None, verbose=0)
    return model, np.array(history.history["loss"])


def main():
    for activation in ("sigmoid", "step"):
        print(f"hidden units: {activation}")
        for optimizer in SEARCHES:
            model, losses = train(optimizer, activation)
            accuracy = 100 * model.evaluate(X, y)["accuracy"]
            print(f"  {type(optimizer).__name__:18} loss {losses[0]:.3f} -> {losses[-1]:.1e}, {accuracy:.0f} % right")


if __name__ == "__main__":
    main()
