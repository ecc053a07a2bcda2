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

#[test]
fn rows_of_a_batch_have_the_probabilities_of_streams_of_their_own() {
    let (Some(model), Some(voice), Some(other)) =
        (silero(), prompt("privacy-thankyou"), prompt("vm-nobodyavail"))
    else {
        return;
    };
    let mut channels = vec![voice, noise(30_000, 0.003, true), other];
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

#[test]
fn quiet_that_is_skipped_changes_almost_nothing() {
    let (Some(model), Some(voice)) = (silero(), prompt("privacy-thankyou")) else { return };
    let quiets = [
        ("digital silence", vec![0.0; 48_000]),
        ("a-law silence", vec![8.0 / 32_768.0; 48_000]),
        (
            "a-law silence of both signs",
            (0..48_000).map(|at| if at % 3 == 0 { -2.4e-4 } else { 2.4e-4 }).collect(),
        ),
        ("white noise", noise(48_000, 0.000_25, false)),
        ("pink noise", noise(48_000, 0.000_25, true)),
    ];
    for (name, quiet) in quiets {
        assert!(
            quiet.as_chunks::<WINDOW_SAMPLES>().0.iter().all(|window| level_dbfs(window) < QUIET_DBFS),
            "{name}"
        );
        let call = [quiet.as_slice(), &voice, &quiet, &voice].concat();
        let found = batched(&model, std::slice::from_ref(&call));
        let difference = largest_difference(&found[0], &probabilities(&mut model.stream(), &call));
        println!("{name}: {difference}");
        assert!(difference < SKIPPED_ERROR, "{name}: {difference}");
    }
}

#[test]
fn no_rows_are_no_work() {
    let Some(model) = silero() else { return };
    SileroBatch::new(&model).judge(&mut []).unwrap();
}
