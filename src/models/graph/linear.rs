//! Matrices of a graph in f32 or in 8 bits.
//!
//! 8 bits: weights symmetric with one scale a column (an output), activations with one scale and zero point a call,
//! found by the runtime as it goes (`DynamicQuantizeMatMul`). That is fast and exact enough except where single
//! activations are much larger than all others: see [`Mix`].

use super::super::weights::WeightSource;
use super::super::{Error, Precision};
use super::builder::{Builder, Name, Value};

/// Largest sum of two neighbouring weights of one sign, in 8 bits, before they are rounded. Processors without VNNI multiply bytes
/// two by two and cut the sum of both products off at 32,767 (`vpmaddubsw`); 255 times the sum of two rounded weights, at
/// most 128, stays below. So a model has the same sums on every processor.
const LARGEST_PAIR: f32 = 127.0;
/// Weights whose products such a processor adds in 16 bits.
const NEIGHBOURS: usize = 2;

/// A row is divided by no less: GELU's values are never below -0.17.
const LEAST_ROW: f32 = 0.2;

/// Which matrices are in 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Matrices that stay in f32; the others have 8 bits.
    keep_f32: [bool; Part::ALL.len()],
}

/// The matrices of a Whisper by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Query, key and value of the encoder's attention.
    EncoderAttention,
    /// What the encoder's attention gives back.
    EncoderOutput,
    /// First matrix of the encoder's feed-forward blocks.
    EncoderWiden,
    /// Second matrix of the encoder's feed-forward blocks: its inputs have outliers of many times their mean.
    EncoderNarrow,
    /// Keys and values that the decoder attends to.
    CrossAttention,
    /// All matrices of the decoder but the two below.
    Decoder,
    /// Second matrix of the decoder's feed-forward blocks.
    DecoderNarrow,
    /// From the decoder's last state to the scores of the tokens.
    Scores,
    /// Not a matrix: the keys and values themselves that the decoder attends to, as they are kept for a text; in 16 bits where
    /// matrices have 8.
    CrossCache,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Self; 9] = [
        Self::EncoderAttention,
        Self::EncoderOutput,
        Self::EncoderWiden,
        Self::EncoderNarrow,
        Self::CrossAttention,
        Self::Decoder,
        Self::DecoderNarrow,
        Self::Scores,
        Self::CrossCache,
    ];

    /// What users call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EncoderAttention => "encoder-attention",
            Self::EncoderOutput => "encoder-output",
            Self::EncoderWiden => "encoder-widen",
            Self::EncoderNarrow => "encoder-narrow",
            Self::CrossAttention => "cross-attention",
            Self::Decoder => "decoder",
            Self::DecoderNarrow => "decoder-narrow",
            Self::Scores => "scores",
            Self::CrossCache => "cross-cache",
        }
    }
}

impl Mix {
    /// Everything in f32.
    pub const F32: Self = Self { keep_f32: [true; Part::ALL.len()] };

    /// What `precision` stands for.
    pub fn of(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::Int8 => Self::int8_except(&[Part::EncoderOutput]),
        }
    }

    /// Everything in 8 bits except `kept`.
    pub fn int8_except(kept: &[Part]) -> Self {
        let mut keep_f32 = [false; Part::ALL.len()];
        for (keep, part) in keep_f32.iter_mut().zip(Part::ALL) {
            *keep = kept.contains(&part);
        }
        Self { keep_f32 }
    }

    fn is_int8(self, part: Part) -> bool {
        Part::ALL.iter().zip(self.keep_f32).any(|(candidate, keep)| *candidate == part && !keep)
    }

    /// Whether keys and values of cross-attention are kept in 16 bits.
    pub(super) fn has_small_cache(self) -> bool {
        self.is_int8(Part::CrossCache)
    }

    /// For the file's own description: `f32`, or the parts in 8 bits.
    pub(super) fn describe(self) -> String {
        let int8: Vec<_> =
            Part::ALL.iter().filter(|part| self.is_int8(**part)).map(|part| part.name()).collect();
        if int8.is_empty() { "f32".to_owned() } else { format!("int8: {}", int8.join(" ")) }
    }
}

/// `outputs` rows of `inputs` weights, with a bias for each row.
pub(super) struct Linear {
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// The matrices `names` one above the other. A matrix without a bias counts as one of zeros where others have one.
    pub(super) fn read(source: &mut dyn WeightSource, names: &[(&str, bool)]) -> Result<Self, Error> {
        let mut linear = Self { weights: Vec::new(), bias: None, inputs: 0, outputs: 0 };
        let mut bias = Vec::new();
        for (name, has_bias) in names {
            let matrix = source.tensor(&format!("{name}.weight"))?;
            linear.inputs = matrix.dims[1];
            linear.outputs += matrix.dims[0];
            linear.weights.extend(matrix.values);
            if *has_bias {
                bias.extend(source.tensor(&format!("{name}.bias"))?.values);
            } else {
                bias.resize(bias.len() + matrix.dims[0], 0.0);
            }
        }
        if names.iter().any(|(_, has_bias)| *has_bias) {
            linear.bias = Some(bias);
        }
        Ok(linear)
    }

    /// A matrix without a bias from its rows.
    pub(super) fn from_rows(weights: Vec<f32>, inputs: usize) -> Self {
        let outputs = weights.len() / inputs.max(1);
        Self { weights, bias: None, inputs, outputs }
    }

    /// Multiplies `input` (its last dimension is `inputs`) by the matrix and adds the bias.
    pub(super) fn apply(
        &self,
        builder: &mut Builder<'_>,
        input: &str,
        (mix, part): (Mix, Part),
    ) -> Result<Name, Error> {
        match (mix.is_int8(part), part) {
            (true, Part::EncoderNarrow | Part::DecoderNarrow) => self.apply_by_row(builder, input),
            (true, _) => self.apply_int8(builder, input, self.bias.as_deref()),
            (false, _) => self.apply_f32(builder, input),
        }
    }

    /// In 8 bits with a scale of its own for each row of the input: each is divided by its largest value before and
    /// multiplied by it afterwards. For inputs that are nowhere far below zero.
    fn apply_by_row(&self, builder: &mut Builder<'_>, input: &str) -> Result<Name, Error> {
        let largest =
            builder.node("ReduceMax", &[input], &[("axes", Value::Ints(&[-1])), ("keepdims", Value::Int(1))]);
        let least = builder.floats(&[1], &[LEAST_ROW])?;
        let largest = builder.node("Max", &[&largest, &least], &[]);
        let even = builder.node("Div", &[input, &largest], &[]);
        let product = self.apply_int8(builder, &even, None)?;
        let product = builder.node("Mul", &[&product, &largest], &[]);
        let Some(bias) = &self.bias else { return Ok(product) };
        let bias = builder.floats(&[self.outputs], bias)?;
        Ok(builder.node("Add", &[&product, &bias], &[]))
    }

    fn apply_f32(&self, builder: &mut Builder<'_>, input: &str) -> Result<Name, Error> {
        let transposed = builder.floats(&[self.inputs, self.outputs], &self.transposed(|value, _| value))?;
        let product = builder.node("MatMul", &[input, &transposed], &[]);
        let Some(bias) = &self.bias else { return Ok(product) };
        let bias = builder.floats(&[self.outputs], bias)?;
        Ok(builder.node("Add", &[&product, &bias], &[]))
    }

    /// In 8 bits with one scale for all of the input.
    pub(super) fn apply_int8(
        &self,
        builder: &mut Builder<'_>,
        input: &str,
        bias: Option<&[f32]>,
    ) -> Result<Name, Error> {
        let scales: Vec<f32> = self.weights.chunks(self.inputs).map(scale_of).collect();
        let rounded = self.transposed(|value, output| rounded(value, scales[output]));
        let rounded = builder.bytes(&[self.inputs, self.outputs], &rounded)?;
        let scales = builder.floats(&[self.outputs], &scales)?;
        match bias {
            Some(bias) => {
                let bias = builder.floats(&[self.outputs], bias)?;
                Ok(builder.runtime_node("DynamicQuantizeMatMul", &[input, &rounded, &scales, "", &bias], &[]))
            }
            None => Ok(builder.runtime_node("DynamicQuantizeMatMul", &[input, &rounded, &scales], &[])),
        }
    }

    /// The values by input, then output, as the runtime multiplies them.
    fn transposed<T>(&self, value: impl Fn(f32, usize) -> T) -> Vec<T> {
        let mut values = Vec::with_capacity(self.weights.len());
        for input in 0..self.inputs {
            for output in 0..self.outputs {
                values.push(value(self.weights[output * self.inputs + input], output));
            }
        }
        values
    }
}

/// The scale that brings a row into 8 bits; 1 for a row of zeros.
fn scale_of(row: &[f32]) -> f32 {
    let of_sign = |pair: &[f32], sign: f32| pair.iter().map(|value| (sign * value).max(0.0)).sum::<f32>();
    let pairs = row.chunks(NEIGHBOURS).map(|pair| of_sign(pair, 1.0).max(of_sign(pair, -1.0)));
    let largest = pairs.fold(0.0, f32::max);
    if largest > 0.0 { largest / LARGEST_PAIR } else { 1.0 }
}

/// A weight in 8 bits.
fn rounded(value: f32, scale: f32) -> i8 {
    (value / scale).round() as i8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What `vpmaddubsw` does: two products of an unsigned and a signed byte, added in 16 bits.
        #[test]
        fn no_sum_of_two_products_is_cut_off(
            row in proptest::collection::vec(-3.0_f32..3.0, 1..40),
            outlier in -90.0_f32..90.0,
            input in any::<[u8; 2]>(),
        ) {
            let row: Vec<f32> = row.into_iter().chain([outlier]).collect();
            let scale = scale_of(&row);
            for pair in row.chunks(NEIGHBOURS) {
                let products = pair.iter().zip(input).map(|(value, input)| {
                    i32::from(rounded(*value, scale)) * i32::from(input)
                });
                prop_assert!(i16::try_from(products.sum::<i32>()).is_ok());
            }
        }

        #[test]
        fn a_weight_is_off_by_half_a_step_at_most(row in proptest::collection::vec(-3.0_f32..3.0, 1..40)) {
            let scale = scale_of(&row);
            for value in &row {
                prop_assert!((f32::from(rounded(*value, scale)) * scale - value).abs() <= scale * 0.501);
            }
        }
    }

    #[test]
    fn neighbours_of_unlike_sign_cost_no_precision() {
        let check = |row: &[f32], expected: f32| assert!((scale_of(row) - expected).abs() < 1e-6);
        check(&[1.27, -1.27, 0.5], 0.01);
        check(&[1.0, 0.27, 0.5], 0.01);
        check(&[0.0, 0.0], 1.0);
    }
}
