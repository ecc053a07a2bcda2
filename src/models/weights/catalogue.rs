//! Which tensors a Whisper has, in the order in which whisper.cpp's files list them.

use super::Dimensions;

/// Every layer widens its values by this factor and narrows them again.
const WIDENING: usize = 4;
/// Values in the window of both convolutions.
const CONVOLUTION_WINDOW: usize = 3;

/// Half of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Encoder,
    Decoder,
}

impl Side {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Decoder => "decoder",
        }
    }
}

/// What a tensor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    Conv1,
    Conv2,
    Positions,
    Embedding,
    Query,
    Key,
    Value,
    Out,
    AttentionNorm,
    CrossQuery,
    CrossKey,
    CrossValue,
    CrossOut,
    CrossNorm,
    Widen,
    Narrow,
    MlpNorm,
    LastNorm,
}

impl Module {
    /// Whether it scales and shifts.
    pub(super) const fn is_norm(self) -> bool {
        matches!(self, Self::AttentionNorm | Self::CrossNorm | Self::MlpNorm | Self::LastNorm)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Param {
    Weight,
    Bias,
}

impl Param {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
        }
    }
}

/// One tensor that a Whisper has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    pub(super) side: Side,
    pub(super) layer: Option<usize>,
    pub(super) module: Module,
    pub(super) param: Param,
    dims: Vec<usize>,
}

impl TensorSpec {
    /// The name by which a [`WeightSource`](super::WeightSource) knows it.
    pub fn name(&self) -> String {
        let side = self.side.name();
        let module = match (self.module, self.side) {
            (Module::Conv1, _) => "conv1",
            (Module::Conv2, _) => "conv2",
            // The one tensor without a `.weight`.
            (Module::Positions, _) => return format!("{side}.positional_embedding"),
            (Module::Embedding, _) => "token_embedding",
            (Module::Query, _) => "attn.query",
            (Module::Key, _) => "attn.key",
            (Module::Value, _) => "attn.value",
            (Module::Out, _) => "attn.out",
            (Module::AttentionNorm, _) => "attn_ln",
            (Module::CrossQuery, _) => "cross_attn.query",
            (Module::CrossKey, _) => "cross_attn.key",
            (Module::CrossValue, _) => "cross_attn.value",
            (Module::CrossOut, _) => "cross_attn.out",
            (Module::CrossNorm, _) => "cross_attn_ln",
            (Module::Widen, _) => "mlp.0",
            (Module::Narrow, _) => "mlp.2",
            (Module::MlpNorm, _) => "mlp_ln",
            (Module::LastNorm, Side::Encoder) => "ln_post",
            (Module::LastNorm, Side::Decoder) => "ln",
        };
        let layer = self.layer.map_or_else(String::new, |layer| format!("blocks.{layer}."));
        format!("{side}.{layer}{module}.{}", self.param.name())
    }

    /// Its shape, outermost dimension first; linear layers are output times input.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }
}

/// Every tensor of a Whisper of this size.
pub fn catalogue(size: &Dimensions) -> Vec<TensorSpec> {
    let mut all = Catalogue { size: *size, specs: Vec::new() };
    let (encoder, decoder) = ((Side::Encoder, None), (Side::Decoder, None));
    let width = size.width;
    for (conv, channels) in [(Module::Conv1, size.mel_bands), (Module::Conv2, width)] {
        all.add(encoder, (conv, Param::Weight), &[width, channels, CONVOLUTION_WINDOW]);
        all.add(encoder, (conv, Param::Bias), &[width]);
    }
    all.add(encoder, (Module::Positions, Param::Weight), &[size.audio_positions, width]);
    for layer in 0..size.audio_layers {
        let at = (Side::Encoder, Some(layer));
        all.self_attention(at);
        all.feed_forward(at);
    }
    all.norm(encoder, Module::LastNorm);
    all.add(decoder, (Module::Embedding, Param::Weight), &[size.vocabulary, width]);
    all.add(decoder, (Module::Positions, Param::Weight), &[size.text_positions, width]);
    for layer in 0..size.text_layers {
        let at = (Side::Decoder, Some(layer));
        all.self_attention(at);
        all.cross_attention(at);
        all.feed_forward(at);
    }
    all.norm(decoder, Module::LastNorm);
    all.specs
}

/// The biases that other models have and Whisper has not.
pub(super) fn key_biases(size: &Dimensions) -> Vec<TensorSpec> {
    let mut all = Catalogue { size: *size, specs: Vec::new() };
    let key = |module| (module, Param::Bias);
    for layer in 0..size.audio_layers {
        all.add((Side::Encoder, Some(layer)), key(Module::Key), &[size.width]);
    }
    for layer in 0..size.text_layers {
        all.add((Side::Decoder, Some(layer)), key(Module::Key), &[size.width]);
        all.add((Side::Decoder, Some(layer)), key(Module::CrossKey), &[size.width]);
    }
    all.specs
}

/// Tensors that are there only when the model has more layers than its size says.
pub(super) fn beyond_the_last_layer(size: &Dimensions) -> Vec<TensorSpec> {
    let mut all = Catalogue { size: *size, specs: Vec::new() };
    for at in [(Side::Encoder, Some(size.audio_layers)), (Side::Decoder, Some(size.text_layers))] {
        all.self_attention(at);
        all.feed_forward(at);
    }
    all.specs
}

type At = (Side, Option<usize>);

struct Catalogue {
    size: Dimensions,
    specs: Vec<TensorSpec>,
}

impl Catalogue {
    fn add(&mut self, (side, layer): At, (module, param): (Module, Param), dims: &[usize]) {
        self.specs.push(TensorSpec { side, layer, module, param, dims: dims.to_vec() });
    }

    fn linear(&mut self, at: At, module: Module, (output, input): (usize, usize)) {
        self.add(at, (module, Param::Weight), &[output, input]);
        // Whisper's keys have no bias.
        if !matches!(module, Module::Key | Module::CrossKey) {
            self.add(at, (module, Param::Bias), &[output]);
        }
    }

    fn norm(&mut self, at: At, module: Module) {
        self.add(at, (module, Param::Weight), &[self.size.width]);
        self.add(at, (module, Param::Bias), &[self.size.width]);
    }

    fn self_attention(&mut self, at: At) {
        let square = (self.size.width, self.size.width);
        for module in [Module::Query, Module::Key, Module::Value, Module::Out] {
            self.linear(at, module, square);
        }
        self.norm(at, Module::AttentionNorm);
    }

    fn cross_attention(&mut self, at: At) {
        let square = (self.size.width, self.size.width);
        for module in [Module::CrossQuery, Module::CrossKey, Module::CrossValue, Module::CrossOut] {
            self.linear(at, module, square);
        }
        self.norm(at, Module::CrossNorm);
    }

    fn feed_forward(&mut self, at: At) {
        let width = self.size.width;
        self.linear(at, Module::Widen, (WIDENING * width, width));
        self.linear(at, Module::Narrow, (width, WIDENING * width));
        self.norm(at, Module::MlpNorm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Dimensions = Dimensions {
        vocabulary: 51_865,
        audio_positions: 1500,
        text_positions: 448,
        width: 512,
        heads: 8,
        audio_layers: 6,
        text_layers: 6,
        mel_bands: 80,
    };

    #[test]
    fn whisper_base_has_its_published_tensors_and_parameters() {
        let all = catalogue(&BASE);
        assert_eq!(all.len(), 245);
        let values: usize = all.iter().map(|spec| spec.dims().iter().product::<usize>()).sum();
        assert_eq!(values, 72_593_920);
        let large =
            Dimensions { width: 1280, heads: 20, audio_layers: 32, text_layers: 32, mel_bands: 128, ..BASE };
        assert_eq!(catalogue(&large).len(), 1259);
    }

    #[test]
    fn names_are_those_of_the_publication() {
        let names: Vec<String> = catalogue(&BASE).iter().map(TensorSpec::name).collect();
        for (index, name) in [
            (0, "encoder.conv1.weight"),
            (1, "encoder.conv1.bias"),
            (4, "encoder.positional_embedding"),
            (5, "encoder.blocks.0.attn.query.weight"),
            (7, "encoder.blocks.0.attn.key.weight"),
            (8, "encoder.blocks.0.attn.value.weight"),
            (12, "encoder.blocks.0.attn_ln.weight"),
            (14, "encoder.blocks.0.mlp.0.weight"),
            (95, "encoder.ln_post.weight"),
            (97, "decoder.token_embedding.weight"),
            (98, "decoder.positional_embedding"),
            (244, "decoder.ln.bias"),
        ] {
            assert_eq!(names[index], name);
        }
        assert!(!names.iter().any(|name| name.ends_with("key.bias")));
        assert!(key_biases(&BASE).iter().all(|spec| spec.name().ends_with("key.bias")));
    }
}
