//! Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>).

/// The rates at which the moments decay, and what is added to the root of the second.
const DECAY: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// The state of an ascent by Adam.
#[derive(Debug)]
pub(super) struct Adam {
    rate: f64,
    steps: i32,
    /// The first and the second moment of each parameter.
    moments: Vec<[f64; 2]>,
}

impl Adam {
    /// No steps yet.
    pub(super) fn new(parameters: usize, rate: f64) -> Self {
        Self { rate, steps: 0, moments: vec![[0.0; 2]; parameters] }
    }

    /// What each parameter grows by. `gradients` are in the order of the parameters.
    pub(super) fn step(&mut self, gradients: impl Iterator<Item = f64>) -> Vec<f64> {
        self.steps += 1;
        let unbiased = DECAY.map(|decay| 1.0 - decay.powi(self.steps));
        let change = |([first, second], gradient): (&mut [f64; 2], f64)| {
            *first += (1.0 - DECAY[0]) * (gradient - *first);
            *second += (1.0 - DECAY[1]) * (gradient * gradient - *second);
            self.rate * (*first / unbiased[0]) / ((*second / unbiased[1]).sqrt() + EPSILON)
        };
        self.moments.iter_mut().zip(gradients).map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_rate_as_its_length_and_a_parabola_is_climbed() {
        let mut adam = Adam::new(1, 0.1);
        let mut x = adam.step([3.0].into_iter())[0];
        assert!((x - 0.1).abs() < 1e-6);
        for _ in 0..500 {
            x += adam.step([-2.0 * (x - 1.0)].into_iter())[0];
        }
        assert!((x - 1.0).abs() < 1e-2, "{x}");
    }
}
