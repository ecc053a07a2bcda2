use proptest::prelude::*;

use super::*;

/// Triangles of equal width in the bins: not the models' filters, but with zeros around the weights as those have.
fn triangles(bands: usize) -> Vec<f32> {
    let width = 200.0 / bands as f64;
    let weight = |band: usize, bin: usize| {
        let centre = width * (band as f64 + 0.5);
        ((1.0 - (bin as f64 - centre).abs() / width).max(0.0) / width) as f32
    };
    (0..bands).flat_map(|band| (0..BINS).map(move |bin| weight(band, bin))).collect()
}

fn spectrogram(bands: usize, samples: &[f32], frames: usize) -> Vec<f32> {
    let mut out = Vec::new();
    MelFrontEnd::new(triangles(bands), bands).unwrap().compute(samples, frames, &mut out);
    assert_eq!(out.len(), bands * frames);
    out
}

/// The formula as it is written down, in f64 and without any shortcut but for frames of nothing but zeros.
fn reference(bands: usize, samples: &[f32], frames: usize) -> Vec<f64> {
    let filters = triangles(bands);
    let mut window = vec![0.0_f64; WINDOW_FRAMES * HOP];
    window.iter_mut().zip(samples).for_each(|(to, from)| *to = f64::from(*from));
    let before = window[1..=200].iter().rev();
    let after = window[window.len() - 201..window.len() - 1].iter().rev();
    let padded: Vec<f64> = before.chain(&window).chain(after).copied().collect();
    let turn = |index: usize| std::f64::consts::TAU * (index % 400) as f64 / 400.0;
    let (cosines, sines): (Vec<f64>, Vec<f64>) = (0..400).map(|i| (turn(i).cos(), turn(i).sin())).unzip();
    let mut levels = vec![-10.0; bands * WINDOW_FRAMES];
    for (frame, piece) in padded.windows(400).step_by(HOP).take(WINDOW_FRAMES).enumerate() {
        if piece.iter().all(|sample| *sample == 0.0) {
            continue;
        }
        let weighted: Vec<f64> =
            piece.iter().enumerate().map(|(i, sample)| sample * (0.5 - 0.5 * cosines[i])).collect();
        let along = |table: &[f64], bin: usize| -> f64 {
            weighted.iter().enumerate().map(|(i, sample)| sample * table[i * bin % 400]).sum()
        };
        let power: Vec<f64> =
            (0..BINS).map(|bin| along(&cosines, bin).powi(2) + along(&sines, bin).powi(2)).collect();
        for (band, row) in filters.chunks(BINS).enumerate() {
            let sum: f64 = row.iter().zip(&power).map(|(weight, power)| f64::from(*weight) * power).sum();
            levels[band * WINDOW_FRAMES + frame] = sum.max(1e-10).log10();
        }
    }
    let loudest = levels.iter().copied().fold(f64::MIN, f64::max);
    let scaled = levels.iter().map(|level| (level.max(loudest - 8.0) + 4.0) / 4.0);
    scaled.enumerate().filter(|(index, _)| index % WINDOW_FRAMES < frames).map(|(_, level)| level).collect()
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < 1e-4, "value {index}: {found} for {expected}");
    }
}

/// Rises from 200 Hz by 24 kHz a second.
fn chirp() -> Vec<f32> {
    let at = |time: f64| 0.5 * (std::f64::consts::TAU * (200.0 * time + 12_000.0 * time * time)).sin();
    (0..4_000).map(|index| at(f64::from(index) / 16_000.0) as f32).collect()
}

/// The same sequence for a seed, evenly spread over [-1, 1].
fn noise(seed: u32, samples: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..samples).map(|_| next()).collect()
}

#[test]
fn a_chirp_gives_the_numbers_of_another_implementation() {
    // Computed with numpy in double precision: reflect padding, rfft, triangles around the bins 25, 75, 125 and 175.
    let expected = [
        (0, 0, 1.41900),
        (0, 1, 1.43310),
        (0, 12, 0.87240),
        (0, 24, -0.02138),
        (1, 0, 0.50215),
        (1, 12, 1.46340),
        (1, 20, 1.02879),
        (1, 25, 0.60824),
        (2, 0, 0.24756),
        (2, 24, 1.39772),
        (3, 3, -0.53508),
        (3, 24, 1.38901),
        (3, 26, 0.58731),
        (0, 40, -0.53508),
    ];
    let found = spectrogram(4, &chirp(), 50);
    for (band, frame, value) in expected {
        let found = found[band * 50 + frame];
        assert!((found - value).abs() < 1e-4, "band {band}, frame {frame}: {found} for {value}");
    }
}

#[test]
fn chirp_and_noise_agree_with_the_formula() {
    assert_close(&spectrogram(20, &chirp(), 40), &reference(20, &chirp(), 40));
    let quiet: Vec<f32> = noise(1, 2_345).iter().map(|sample| sample * 1e-3).collect();
    assert_close(&spectrogram(80, &quiet, 20), &reference(80, &quiet, 20));
    assert_close(&spectrogram(3, &noise(2, 1), 4), &reference(3, &noise(2, 1), 4));
}

#[test]
fn the_end_of_a_full_window_is_mirrored() {
    let mut samples = vec![0.0; WINDOW_FRAMES * HOP - 500];
    samples.extend(noise(3, 500));
    assert_close(&spectrogram(8, &samples, WINDOW_FRAMES), &reference(8, &samples, WINDOW_FRAMES));
    let full = spectrogram(8, &samples, WINDOW_FRAMES);
    samples.extend([0.9; 1_000]);
    assert_eq!(
        spectrogram(8, &samples, WINDOW_FRAMES),
        full,
        "what lies beyond the window counts for nothing"
    );
}

#[test]
fn the_end_samples_themselves_are_not_doubled() {
    let found = [0, 199, 200, 201, 5_199, 5_200, 5_239].map(|place| mirrored(place, 5_000));
    assert_eq!(found, [200, 1, 0, 1, 4_999, 4_998, 4_959]);
}

#[test]
fn silence_is_even_and_an_empty_request_is_silence() {
    assert_eq!(spectrogram(2, &[], 4), [-1.5; 8]);
    assert_eq!(spectrogram(2, &[0.0; 2_000], 4), [-1.5; 8]);
    assert!(spectrogram(2, &[0.5; 2_000], 0).is_empty());
}

#[test]
fn a_front_end_can_be_used_again_in_the_same_memory() {
    let mut front_end = MelFrontEnd::new(triangles(8), 8).unwrap();
    let mut out = Vec::new();
    front_end.compute(&noise(4, 8_000), 100, &mut out);
    let first = out.clone();
    let memory = out.as_ptr();
    front_end.compute(&chirp(), 60, &mut out);
    assert_eq!(out, spectrogram(8, &chirp(), 60));
    front_end.compute(&noise(4, 8_000), 100, &mut out);
    assert_eq!((out.as_ptr(), out), (memory, first));
}

#[test]
fn filters_of_another_shape_are_refused() {
    let check = |filters: Vec<f32>, bands: usize| {
        let values = filters.len();
        let error = MelFrontEnd::new(filters, bands).err();
        assert_eq!(error, Some(InvalidFilters { values, bands }));
    };
    check(Vec::new(), 0);
    check(vec![0.0; 200], 1);
    check(vec![0.0; BINS], 2);
    check(vec![0.0; BINS], usize::MAX);
    check(vec![f32::NAN; BINS], 1);
    assert!(MelFrontEnd::new(vec![0.0; BINS], 1).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn fewer_frames_are_the_start_of_more(
        seed in any::<u32>(),
        length in 0_usize..4_000,
        frames in 0_usize..40,
        more in 0_usize..40,
    ) {
        // It grows so loud that the start lies below what the end leaves audible.
        let loudness = |index: usize| 10_f32.powf(6.0 * (index as f32 / length as f32 - 1.0));
        let samples: Vec<f32> =
            noise(seed, length).iter().enumerate().map(|(index, sample)| sample * loudness(index)).collect();
        let short = spectrogram(5, &samples, frames);
        let long = spectrogram(5, &samples, frames + more);
        for band in 0..5 {
            let start = &long[band * (frames + more)..][..frames];
            prop_assert_eq!(&short[band * frames..][..frames], start);
        }
    }
}
