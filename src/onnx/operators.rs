//! Operators of this program's own, which the runtime calls inside a graph. Their domain is [`DOMAIN`].
//!
//! | operator | inputs | outputs |
//! |---|---|---|
//! | [`PACK_HEARD`] | keys and values: batch, positions, heads × 64 | those of `onnx/attention.rs`: keys (batch, heads, blocks, 64, 32), values (batch, heads, 2, positions, 32), scales (batch, heads, 2, blocks × 32) |
//! | [`ATTEND_HEARD`] | queries: new, heads × 64; the three outputs above; the heads that are asked for (numbers) | what is attended to: new, heads × 64; where those heads look: batch, heads asked for, new of an utterance, positions |
//!
//! A shape that does not fit is an error of the run: a panic would have to pass through the runtime, which it cannot.
//!
//! The kernels have no state. The runtime calls one from several threads at once ([`super::SharedSession`]), and the crate
//! hands it out as if it were not shared, so that there must be nothing in it.

use std::cell::RefCell;

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, ValueRef, ValueRefMut};

use super::attention::{self, Head, Place, QUERIES};
pub use super::attention::{BLOCK, HEAD_VALUES};

/// The domain of all operators here.
pub const DOMAIN: &str = "allo";
/// Puts keys and values in 16 bits.
pub const PACK_HEARD: &str = "PackHeard";
/// Attention to keys and values in 16 bits.
pub const ATTEND_HEARD: &str = "AttendHeard";

/// The halves of a row of values.
pub const HALVES: usize = HEAD_VALUES / BLOCK;

/// All operators, for one session.
pub(super) fn domain() -> ort::Result<OperatorDomain> {
    OperatorDomain::new(DOMAIN)?.add(PackHeard)?.add(AttendHeard)
}

struct PackHeard;

impl Operator for PackHeard {
    type Kernel<'attr> = Self;

    fn name(&self) -> &str {
        PACK_HEARD
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [TensorElementType::Float32; 2].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Int16, TensorElementType::Int16, TensorElementType::Float32]
            .map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(Self)
    }
}

impl Kernel for PackHeard {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (keys, values) = (input(context, 0)?, input(context, 1)?);
        let ([batch, positions, width], keys) = floats(&keys)?;
        let (shape, values) = floats(&values)?;
        let heads = width / HEAD_VALUES;
        if shape != [batch, positions, width] || width != heads * HEAD_VALUES || keys.is_empty() {
            return Err(misfit(PACK_HEARD));
        }
        let padded = attention::padded(positions);
        let mut packed_keys = output(context, 0, &[batch, heads, padded / BLOCK, HEAD_VALUES, BLOCK])?;
        let mut packed_values = output(context, 1, &[batch, heads, HALVES, positions, BLOCK])?;
        let mut scales = output(context, 2, &[batch, heads, 2, padded])?;
        let places = packed_keys.try_extract_tensor_mut::<i16>()?.1.chunks_exact_mut(padded * HEAD_VALUES);
        let places = places
            .zip(packed_values.try_extract_tensor_mut::<i16>()?.1.chunks_exact_mut(positions * HEAD_VALUES))
            .zip(scales.try_extract_tensor_mut::<f32>()?.1.chunks_exact_mut(2 * padded));
        for (index, ((packed_keys, packed_values), scales)) in places.enumerate() {
            let utterance = index / heads * positions * width;
            let rows = (&keys[utterance..][..positions * width], &values[utterance..][..positions * width]);
            let place = Place { keys: packed_keys, values: packed_values, scales };
            attention::pack(rows, (width, index % heads * HEAD_VALUES), place);
        }
        Ok(())
    }
}

struct AttendHeard;

impl Operator for AttendHeard {
    type Kernel<'attr> = Self;

    fn name(&self) -> &str {
        ATTEND_HEARD
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Int16, Int64};
        let required = [Float32, Int16, Int16, Float32].map(OperatorInput::required);
        required.into_iter().chain([OperatorInput::optional(Int64)])
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [
            OperatorOutput::required(TensorElementType::Float32),
            OperatorOutput::optional(TensorElementType::Float32),
        ]
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(Self)
    }
}

impl Kernel for AttendHeard {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let inputs = (0..4).map(|index| input(context, index)).collect::<ort::Result<Vec<_>>>()?;
        let heard = Heard::of(&inputs)?;
        let asked = context.input(4)?;
        let asked = asked.as_ref().map(|asked| asked.try_extract_tensor::<i64>()).transpose()?;
        let asked = asked.map_or(&[][..], |(_, asked)| asked);
        let mut attended = output(context, 0, &[heard.batch * heard.rows, heard.heads * HEAD_VALUES])?;
        let attended = attended.try_extract_tensor_mut::<f32>()?.1;
        if asked.is_empty() {
            heard.look(attended, |_, _, _| ());
            return Ok(());
        }
        let Heard { batch, rows, positions, .. } = heard;
        let mut looked = output(context, 1, &[batch, asked.len(), rows, positions])?;
        let looked = looked.try_extract_tensor_mut::<f32>()?.1;
        heard.look(attended, |(utterance, head), row, shares| {
            for (place, _) in
                asked.iter().enumerate().filter(|(_, asked)| usize::try_from(**asked) == Ok(head))
            {
                let at = ((utterance * asked.len() + place) * rows + row) * positions;
                looked[at..at + positions].copy_from_slice(shares);
            }
        });
        Ok(())
    }
}

/// Queries, and what they look at; all lengths fit together.
struct Heard<'a> {
    queries: &'a [f32],
    keys: &'a [i16],
    values: &'a [i16],
    scales: &'a [f32],
    /// Utterances.
    batch: usize,
    /// Queries of an utterance.
    rows: usize,
    heads: usize,
    positions: usize,
}

thread_local! {
    /// Where the queries of one head look, used again from call to call.
    static SHARES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl<'a> Heard<'a> {
    fn of(inputs: &'a [ValueRef<'_>]) -> ort::Result<Self> {
        let [queries, keys, values, scales] = inputs else { return Err(misfit(ATTEND_HEARD)) };
        let ([new, width], queries) = floats(queries)?;
        let ([batch, heads, blocks, ..], keys) = shorts(keys)?;
        let (of_values, values) = shorts(values)?;
        let (of_scales, scales) = floats(scales)?;
        let positions = of_values[3];
        let padded = attention::padded(positions);
        let fits = batch > 0
            && positions > 0
            && new % batch == 0
            && width == heads * HEAD_VALUES
            && blocks * BLOCK == padded
            && keys.len() == batch * heads * padded * HEAD_VALUES
            && of_values == [batch, heads, HALVES, positions, BLOCK]
            && of_scales == [batch, heads, 2, padded];
        if !fits {
            return Err(misfit(ATTEND_HEARD));
        }
        Ok(Self { queries, keys, values, scales, batch, rows: new / batch, heads, positions })
    }

    fn head(&self, utterance: usize, head: usize) -> Head<'a> {
        let (at, padded) = (utterance * self.heads + head, attention::padded(self.positions));
        let of = |length: usize| at * length..(at + 1) * length;
        Head {
            keys: &self.keys[of(padded * HEAD_VALUES)],
            values: &self.values[of(self.positions * HEAD_VALUES)],
            scales: &self.scales[of(2 * padded)],
            positions: self.positions,
        }
    }

    /// Writes what every query sees to `attended`, and tells where each looks: utterance and head, row of the utterance,
    /// shares.
    fn look(&self, attended: &mut [f32], mut tell: impl FnMut((usize, usize), usize, &[f32])) {
        let padded = attention::padded(self.positions);
        let width = self.heads * HEAD_VALUES;
        let mut queries = [[0.0; HEAD_VALUES]; QUERIES];
        let mut seen = queries;
        SHARES.with_borrow_mut(|shares| {
            shares.resize(QUERIES * padded, 0.0);
            for (utterance, head) in
                (0..self.batch).flat_map(|one| (0..self.heads).map(move |head| (one, head)))
            {
                let of_head = self.head(utterance, head);
                for first in (0..self.rows).step_by(QUERIES) {
                    let rows = first..self.rows.min(first + QUERIES);
                    let place = |row: usize| (utterance * self.rows + row) * width + head * HEAD_VALUES;
                    for (query, row) in queries.iter_mut().zip(rows.clone()) {
                        query.copy_from_slice(&self.queries[place(row)..][..HEAD_VALUES]);
                    }
                    attention::attend(of_head, &queries[..rows.len()], shares, &mut seen);
                    for ((seen, row), shares) in seen.iter().zip(rows).zip(shares.chunks_exact(padded)) {
                        attended[place(row)..][..HEAD_VALUES].copy_from_slice(seen);
                        tell((utterance, head), row, &shares[..self.positions]);
                    }
                }
            }
        });
    }
}

fn input<'c>(context: &'c ComputeContext, index: usize) -> ort::Result<ValueRef<'c>> {
    context.input(index)?.ok_or_else(|| ort::Error::new(format!("input {index} is missing")))
}

fn output<'c>(context: &'c ComputeContext, index: usize, shape: &[usize]) -> ort::Result<ValueRefMut<'c>> {
    let shape: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
    context.output(index, shape)?.ok_or_else(|| ort::Error::new(format!("output {index} is missing")))
}

fn floats<'v, const RANK: usize>(value: &'v ValueRef<'_>) -> ort::Result<([usize; RANK], &'v [f32])> {
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    Ok((lengths(shape)?, values))
}

fn shorts<'v>(value: &'v ValueRef<'_>) -> ort::Result<([usize; 5], &'v [i16])> {
    let (shape, values) = value.try_extract_tensor::<i16>()?;
    Ok((lengths(shape)?, values))
}

fn lengths<const RANK: usize>(shape: &[i64]) -> ort::Result<[usize; RANK]> {
    let lengths = shape.iter().map(|length| usize::try_from(*length)).collect::<Result<Vec<_>, _>>();
    let lengths = lengths.ok().and_then(|lengths| <[usize; RANK]>::try_from(lengths).ok());
    lengths
        .ok_or_else(|| ort::Error::new(format!("an input has {} dimensions instead of {RANK}", shape.len())))
}

fn misfit(operator: &str) -> ort::Error {
    ort::Error::new(format!("the shapes that {operator} is given do not fit together"))
}
