use super::*;

/// Probabilities of channels that are judged together, each for as long as it has windows.
fn batched(model: &SileroModel, channels: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut batch = SileroBatch::new(model);
    let mut states = vec![SileroChannel::default(); channels.len()];
    let mut found = vec![Vec::new(); channels.len()];
    let longest = channels.iter().map(Vec::len).max().unwrap_or(0) / WINDOW_SAMPLES;
    for at in 0..longest {
        let mut owners = Vec::new();
        let mut rows = Vec::new();
        for (index, (channel, samples)) in states.iter_mut().zip(channels).enumerate() {
            if let Some(window) = samples.as_chunks().0.get(at) {
                owners.push(index);
                rows.push(BatchRow { channel, window, speech_probability: f32::NAN });
            }
        }
        batch.judge(&mut rows).unwrap();
        for (index, row) in owners.into_iter().zip(rows) {
            found[index].push(row.speech_probability);
        }
    }
    found
}

fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

fn prompt(name: &str) -> Option<Vec<f32>> {
    telephone_wav(&Path::new(VOICES).join(name).with_extension("wav"))
}

/// The prompt on a line with some noise, which is never quiet.
fn noisy(prompt: Vec<f32>) -> Vec<f32> {
    let line = noise(prompt.len(), 0.001, true);
    prompt.into_iter().zip(line).map(|(sample, noise)| sample + noise).collect()
}

#[test]
fn rows_of_a_batch_have_the_probabilities_of_streams_of_their_own() {
    let (Some(model), Some(voice), Some(other)) =
        (silero(), prompt("privacy-thankyou"), prompt("vm-nobodyavail"))
    else {
        return;
    };
    let mut channels = vec![noisy(voice), noise(30_000, 0.003, true), noisy(other)];
    // More rows than one inference takes, of many lengths: they leave one after the other.
    for index in 0..130 {
        channels.push(noise(4_000 + 512 * (index % 7), 0.01, index % 2 == 0));
    }
    for (index, found) in batched(&model, &channels).iter().enumerate() {
        let alone = probabilities(&mut model.stream(), &channels[index]);
        let difference = largest_difference(found, &alone);
        assert!(difference < 1e-4, "channel {index}: {difference}");
    }
}

/// First and last window that is speech, from `start` on.
fn speech(probabilities: &[f32], start: usize) -> (usize, usize) {
    let is_speech = |probability: &f32| *probability >= 0.5;
    let heard = &probabilities[start..];
    (heard.iter().position(is_speech).unwrap(), heard.iter().rposition(is_speech).unwrap())
}

#[test]
fn quiet_that_is_skipped_moves_speech_by_two_windows_at_most() {
    let Some(model) = silero() else { return };
    const QUIET_WINDOWS: usize = 94;
    let samples = QUIET_WINDOWS * WINDOW_SAMPLES;
    let quiets = [
        ("digital silence", vec![0.0; samples]),
        ("a-law silence", vec![8.0 / 32_768.0; samples]),
        ("white noise", noise(samples, 0.000_15, false)),
        ("pink noise", noise(samples, 0.000_12, true)),
    ];
    for voice in ["privacy-thankyou", "vm-nobodyavail", "vm-goodbye", "digits/7", "tt-weasels"] {
        let Some(mut voice) = prompt(voice) else { return };
        voice.truncate(voice.len() / WINDOW_SAMPLES * WINDOW_SAMPLES);
        let voice_windows = voice.len() / WINDOW_SAMPLES;
        for (name, quiet) in &quiets {
            let windows = quiet.as_chunks::<WINDOW_SAMPLES>().0;
            assert!(windows.iter().all(|window| level_dbfs(window) < QUIET_DBFS), "{name}");
            let call = [quiet.as_slice(), &voice, quiet, &voice].concat();
            let found = batched(&model, std::slice::from_ref(&call)).remove(0);
            let alone = probabilities(&mut model.stream(), &call);
            let second = QUIET_WINDOWS + voice_windows + QUIET_WINDOWS;
            for skipped in [33..QUIET_WINDOWS, second - QUIET_WINDOWS + 33..second] {
                let difference = largest_difference(&found[skipped.clone()], &alone[skipped]);
                assert!(difference < SKIPPED_ERROR, "{name}: {difference}");
            }
            for start in [QUIET_WINDOWS, second] {
                let (found, alone) = (
                    speech(&found[..start + voice_windows], start),
                    speech(&alone[..start + voice_windows], start),
                );
                let moved = found.0.abs_diff(alone.0).max(found.1.abs_diff(alone.1));
                assert!(moved <= 2, "{name}: {found:?} is {alone:?}");
            }
        }
    }
}

#[test]
fn no_rows_are_no_work() {
    let Some(model) = silero() else { return };
    SileroBatch::new(&model).judge(&mut []).unwrap();
}
