//! What a Whisper model for ONNX Runtime consists of: three files and a description in their metadata.
//!
//! `allo models convert --to onnx` writes it, the engine reads it; both go through [`Description`].

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The encoder's graph.
pub const ENCODER_FILE: &str = "encoder.onnx";
/// The decoder's graph.
pub const DECODER_FILE: &str = "decoder.onnx";
/// The weights of both.
pub const WEIGHTS_FILE: &str = "weights.bin";

/// Key of the version of this description.
const FORMAT: &str = "allo.format";
/// The version that this program writes and reads.
const FORMAT_VERSION: &str = "3";
const SHAPE: &str = "allo.shape";
const PRECISION: &str = "allo.precision";
const MEL_FILTERS: &str = "allo.mel_filters";
const ALIGNMENT_HEADS: &str = "allo.alignment_heads";
const TOKENS: &str = "allo.tokens";
/// Values of a spectrum of 400 samples.
const SPECTRUM: usize = 201;
/// No Whisper has a dimension as big as this; a description that says otherwise is not believed.
const LARGEST_DIMENSION: usize = 1 << 20;

/// What the engine needs to know beside the graphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Tokens that the decoder knows, special ones included.
    pub vocabulary: usize,
    /// Encoder positions of the whole window, 20 ms each.
    pub audio_positions: usize,
    /// Tokens that the decoder takes in all, prompt and text.
    pub text_positions: usize,
    /// Values of a state.
    pub width: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Layers of the decoder.
    pub text_layers: usize,
    /// Bands of the spectrogram, 80 or 128.
    pub mel_bands: usize,
    /// Length of the file of weights.
    pub weights_bytes: u64,
    /// Number formats, for people.
    pub precision: String,
    /// Heads whose attention follows the audio, as (layer of the decoder, head), in the order of the graph's output.
    pub alignment_heads: Vec<(usize, usize)>,
    /// Bytes of the text tokens by id.
    pub tokens: Vec<Vec<u8>>,
    /// `mel_bands` rows of 201 weights.
    pub mel_filters: Vec<f32>,
}

impl Description {
    /// Metadata of the encoder's graph.
    pub fn encoder_metadata(&self) -> Vec<(&'static str, String)> {
        let filters: Vec<u8> = self.mel_filters.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        let mut metadata = self.common_metadata();
        metadata.push((MEL_FILTERS, BASE64.encode(filters)));
        metadata
    }

    /// Metadata of the decoder's graph.
    pub fn decoder_metadata(&self) -> Vec<(&'static str, String)> {
        // Each text token as base64, which has no spaces, in the order of the ids.
        let tokens: Vec<String> = self.tokens.iter().map(|token| BASE64.encode(token)).collect();
        let heads: Vec<String> =
            self.alignment_heads.iter().map(|(layer, head)| format!("{layer}:{head}")).collect();
        let mut metadata = self.common_metadata();
        metadata.push((ALIGNMENT_HEADS, heads.join(" ")));
        metadata.push((TOKENS, tokens.join(" ")));
        metadata
    }

    fn common_metadata(&self) -> Vec<(&'static str, String)> {
        let shape: Vec<String> = self.shape().iter().map(ToString::to_string).collect();
        vec![
            (FORMAT, FORMAT_VERSION.to_owned()),
            (SHAPE, format!("{} {}", shape.join(" "), self.weights_bytes)),
            (PRECISION, self.precision.clone()),
        ]
    }

    const fn shape(&self) -> [usize; 7] {
        [
            self.vocabulary,
            self.audio_positions,
            self.text_positions,
            self.width,
            self.heads,
            self.text_layers,
            self.mel_bands,
        ]
    }

    /// Reads the metadata of both graphs; `encoder` and `decoder` look up a key.
    ///
    /// # Errors
    /// What is missing or does not fit, in words; the caller names the file.
    pub fn read(
        encoder: impl Fn(&str) -> Option<String>,
        decoder: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let get = |of: &dyn Fn(&str) -> Option<String>, key: &str| {
            of(key).ok_or_else(|| format!("it has no `{key}`: it was not made by `allo models convert`"))
        };
        for of in [&encoder as &dyn Fn(&str) -> Option<String>, &decoder] {
            let version = get(of, FORMAT)?;
            if version != FORMAT_VERSION {
                return Err(format!(
                    "its format is {version}, this program reads {FORMAT_VERSION}\nhint: make it again, with \
                     `allo models pull` or `allo models convert`"
                ));
            }
        }
        let shape = get(&encoder, SHAPE)?;
        if get(&decoder, SHAPE)? != shape {
            return Err("encoder and decoder are of different models".to_owned());
        }
        let numbers: Vec<u64> = shape.split(' ').map_while(|number| number.parse().ok()).collect();
        let [
            vocabulary,
            audio_positions,
            text_positions,
            width,
            heads,
            text_layers,
            mel_bands,
            weights_bytes,
        ] = numbers[..]
        else {
            return Err(format!("its shape is not eight numbers: `{shape}`"));
        };
        let length = |value: u64| {
            usize::try_from(value)
                .ok()
                .filter(|length| (1..LARGEST_DIMENSION).contains(length))
                .ok_or_else(|| format!("its shape holds the impossible length {value}"))
        };
        let description = Self {
            vocabulary: length(vocabulary)?,
            audio_positions: length(audio_positions)?,
            text_positions: length(text_positions)?,
            width: length(width)?,
            heads: length(heads)?,
            text_layers: length(text_layers)?,
            mel_bands: length(mel_bands)?,
            weights_bytes,
            precision: get(&encoder, PRECISION)?,
            alignment_heads: heads_of(&get(&decoder, ALIGNMENT_HEADS)?)?,
            tokens: tokens_of(&get(&decoder, TOKENS)?)?,
            mel_filters: filters_of(&get(&encoder, MEL_FILTERS)?)?,
        };
        description.check()
    }

    fn check(self) -> Result<Self, String> {
        if self.mel_filters.len() != self.mel_bands * SPECTRUM {
            return Err(format!("{} filter weights for {} bands", self.mel_filters.len(), self.mel_bands));
        }
        if self.tokens.len() >= self.vocabulary {
            return Err(format!("{} text tokens of {} in all", self.tokens.len(), self.vocabulary));
        }
        let outside = |(layer, head): &&(usize, usize)| *layer >= self.text_layers || *head >= self.heads;
        if let Some((layer, head)) = self.alignment_heads.iter().find(outside) {
            return Err(format!("there is no head {head} in a layer {layer}"));
        }
        Ok(self)
    }

    /// Whether the file of weights beside the graphs in `folder` has the right length. The runtime maps it into memory,
    /// where a part that is missing would end the process.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check_weights(&self, folder: &Path) -> Result<(), String> {
        let found = std::fs::metadata(folder.join(WEIGHTS_FILE))
            .map_err(|error| format!("{WEIGHTS_FILE} cannot be read: {error}"))?
            .len();
        if found == self.weights_bytes {
            Ok(())
        } else {
            Err(format!("{WEIGHTS_FILE} has {found} bytes, expected {}", self.weights_bytes))
        }
    }
}

fn heads_of(text: &str) -> Result<Vec<(usize, usize)>, String> {
    text.split_whitespace()
        .map(|pair| {
            let (layer, head) = pair.split_once(':')?;
            Some((layer.parse().ok()?, head.parse().ok()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "its alignment heads are not pairs of numbers".to_owned())
}

fn tokens_of(text: &str) -> Result<Vec<Vec<u8>>, String> {
    text.split(' ')
        .map(|token| BASE64.decode(token))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("its tokens are not base64: {error}"))
}

fn filters_of(text: &str) -> Result<Vec<f32>, String> {
    let bytes = BASE64.decode(text).map_err(|error| format!("its mel filters are not base64: {error}"))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    } else {
        Err("its mel filters are cut off".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            vocabulary: 51_865,
            audio_positions: 1500,
            text_positions: 448,
            width: 512,
            heads: 8,
            text_layers: 6,
            mel_bands: 80,
            weights_bytes: 12_345,
            precision: "f32".to_owned(),
            alignment_heads: vec![(3, 1), (5, 7)],
            tokens: vec![b"a".to_vec(), b" b".to_vec(), vec![0xC3]],
            mel_filters: vec![0.25; 80 * SPECTRUM],
        }
    }

    fn reread(change: impl Fn(&str, String) -> Option<String>) -> Result<Description, String> {
        let (encoder, decoder) = (description().encoder_metadata(), description().decoder_metadata());
        let look_up = |metadata: Vec<(&'static str, String)>| {
            let change = &change;
            move |key: &str| {
                let found = metadata.iter().find(|(name, _)| *name == key);
                found.and_then(|(name, value)| change(name, value.clone()))
            }
        };
        Description::read(look_up(encoder), look_up(decoder))
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(reread(|_, value| Some(value)), Ok(description()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let with = |key: &'static str, value: &'static str| {
            reread(move |name, original| Some(if name == key { value.to_owned() } else { original }))
                .unwrap_err()
        };
        assert!(with(FORMAT, "1").contains("format is 1"));
        assert!(with(SHAPE, "1 2 3").contains("eight numbers"));
        assert!(with(SHAPE, "0 1500 448 512 8 6 80 1").contains("impossible"));
        assert!(with(SHAPE, "51865 1500 448 512 8 6 128 1").contains("128 bands"));
        assert!(with(ALIGNMENT_HEADS, "9:1").contains("no head 1 in a layer 9"));
        assert!(with(ALIGNMENT_HEADS, "nine").contains("pairs"));
        assert!(with(TOKENS, "!!").contains("base64"));
        let missing = reread(|name, value| (name != TOKENS).then_some(value)).unwrap_err();
        assert!(missing.contains("no `allo.tokens`"), "{missing}");
    }
}
