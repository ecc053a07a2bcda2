//! How many seconds of audio one channel is resampled in a second of work; `cargo bench --bench resample`.

use std::time::Instant;

use allo::audio::SampleRate;
use allo::audio::resample::ChannelResampler;

/// Ten minutes: long enough that building the filter does not show.
const SECONDS: u32 = 600;

fn main() -> anyhow::Result<()> {
    for hz in [8_000, 44_100, 48_000] {
        let rate = SampleRate::from_hz(hz).expect("a rate that recorders use");
        let input: Vec<f32> = (0..hz * SECONDS).map(|at| (at as f32 * 0.05).sin() * 0.5).collect();
        let mut output = Vec::with_capacity(SampleRate::PIPELINE.hz() as usize * SECONDS as usize);
        #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
        let start = Instant::now();
        let mut resampler = ChannelResampler::new(rate)?;
        for chunk in input.chunks(hz as usize) {
            resampler.push(chunk, &mut output);
        }
        resampler.finish(&mut output);
        let work_s = start.elapsed().as_secs_f64();
        anyhow::ensure!(output.len() == (SampleRate::PIPELINE.hz() * SECONDS) as usize, "samples were lost");
        #[expect(clippy::print_stdout, reason = "the bench's own output")]
        {
            println!("{hz} Hz: {:.0} s of audio a second of work", f64::from(SECONDS) / work_s);
        }
    }
    Ok(())
}
