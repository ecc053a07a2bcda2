//! The network of a Piper voice on ONNX Runtime: from numbers of sounds to samples; names `ort`.

use std::path::Path;

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use crate::onnx::{Runtime, SessionOptions};
use crate::tts::Error;

/// How the network is to speak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// How much one rendering differs from another.
    pub noise: f32,
    /// More is slower.
    pub length: f32,
    /// How much the lengths of sounds differ.
    pub noise_of_lengths: f32,
}

/// The loaded network.
pub struct Network {
    session: Session,
    has_speakers: bool,
}

impl Network {
    /// Opens the network for one thread. Its inputs have many lengths, so it keeps no memory between them.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self, Error> {
        let session = runtime
            .session_with(path, SessionOptions { keeps_memory: false, ..SessionOptions::default() })?;
        let has = |name: &str| session.inputs().iter().any(|input| input.name() == name);
        if let Some(missing) = ["input", "input_lengths", "scales"].into_iter().find(|name| !has(name)) {
            let reason = format!("it has no input `{missing}`");
            return Err(Error::PiperFile { path: path.to_path_buf(), reason });
        }
        let has_speakers = has("sid");
        Ok(Self { session, has_speakers })
    }

    /// The samples for `sounds`, by the first voice where the network holds several.
    pub fn speak(&mut self, sounds: &[i64], scales: Scales) -> Result<Vec<f32>, Error> {
        self.run(sounds, scales).map_err(|source| Error::PiperInference(source.into()))
    }

    fn run(&mut self, sounds: &[i64], scales: Scales) -> ort::Result<Vec<f32>> {
        let length = i64::try_from(sounds.len()).unwrap_or(i64::MAX);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("input", Tensor::from_array(([1, sounds.len()], sounds.to_vec()))?.into()),
            ("input_lengths", Tensor::from_array(([1_usize], vec![length]))?.into()),
            (
                "scales",
                Tensor::from_array(([3_usize], vec![scales.noise, scales.length, scales.noise_of_lengths]))?
                    .into(),
            ),
        ];
        if self.has_speakers {
            inputs.push(("sid", Tensor::from_array(([1_usize], vec![0_i64]))?.into()));
        }
        let outputs = self.session.run(inputs)?;
        let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(samples
            .iter()
            .map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 })
            .collect())
    }
}
