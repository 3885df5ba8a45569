use tract_kernels::{Isa, ThreadPool};

use crate::case::Case;
use crate::random::Random;

/// A 3×3 convolution of stride 1 with padding, which Winograd's algorithm computes.
fn case(channels: [usize; 2], input: [usize; 2]) -> Case {
    Case {
        batch: 1,
        channels,
        group: 1,
        input,
        kernel: [3; 2],
        stride: [1; 2],
        dilation: [1; 2],
        pad_before: [1; 2],
        pad_after: [1; 2],
        residual: false,
        clip: None,
        pool: false,
        is_output: [true; 4],
    }
}

/// The transforms of Winograd's algorithm would leave a rest of rounding, for which a ReLU opens.
#[test]
fn an_output_whose_window_is_zero_is_exactly_the_bias() {
    let mut random = Random(11);
    for threads in [1, 2] {
        let pool = ThreadPool::new(threads).unwrap();
        for (channels, input) in [([3, 20], [40, 61]), ([40, 33], [40, 61]), ([20, 20], [9, 9])] {
            let case = case(channels, input);
            let [height, width] = input;
            // Values stand left of a slanted line, and in one channel at one pixel.
            let is_set = |channel: usize, y: usize, x: usize| {
                x < 4 + y / 3 || (channel == channels[0] - 1 && [y, x] == [2, width - 2])
            };
            let mut image = random.floats(channels[0] * height * width);
            for (index, value) in image.iter_mut().enumerate() {
                let (channel, y, x) =
                    (index / (height * width), index / width % height, index % width);
                *value *= f32::from(u8::from(is_set(channel, y, x)));
            }
            let window_is_zero = |y: usize, x: usize| {
                let at = |y: usize, x: usize| {
                    y < height && x < width && (0..channels[0]).any(|c| is_set(c, y, x))
                };
                (0..3).all(|dy| {
                    (0..3).all(|dx| !at((y + dy).wrapping_sub(1), (x + dx).wrapping_sub(1)))
                })
            };
            let weights = random.floats(case.weights());
            let mut mixed = random.floats(channels[1]);
            mixed[channels[1] / 2] = 0.0;
            for bias in [vec![0.0; channels[1]], mixed] {
                for isa in Isa::available() {
                    let (model, _) = case.model(&weights, &bias).unwrap();
                    let output = case.run(model, isa, &pool, [&image, &[]]).unwrap();
                    let output = output[0].to_plain_array_view::<f32>().unwrap();
                    let mut zeros = 0;
                    for (index, &value) in output.iter().enumerate() {
                        let (channel, y, x) =
                            (index / (height * width), index / width % height, index % width);
                        if window_is_zero(y, x) {
                            zeros += 1;
                            assert_eq!(value, bias[channel], "{isa:?}, {channels:?} at {y}, {x}");
                        }
                    }
                    assert!(zeros > 0 && zeros < output.len(), "{zeros} windows are zero");
                }
            }
        }
    }
}
