//! Puts an ONNX graph together, node by node; big weights go straight to a file beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use prost::Message;

use super::super::{Error, half};
use super::proto::{
    Attribute, AttributeType, DataType, Dimension, Graph, Model, Node, OperatorSet, Shape, StringEntry,
    Tensor, TensorType, Type, ValueInfo,
};
use crate::onnx::operators;

/// Version of the ONNX format; every runtime since 1.17 reads it.
const IR_VERSION: i64 = 9;
/// Version of the standard operators.
const OPERATORS: i64 = 17;
/// Domain of ONNX Runtime's own operators.
const RUNTIME_DOMAIN: &str = "com.microsoft";
/// Tensors below this many bytes stay inside the graph; shapes and indices must.
const INLINE_BYTES: usize = 1024;
/// The runtime maps weights into memory; this is what it asks offsets to be a multiple of.
pub(super) const ALIGNMENT: u64 = 4096;
/// Values of an f32 tensor that are brought into bytes at a time.
const CHUNK_VALUES: usize = 1 << 16;
/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

/// The file beside the graphs that holds their weights.
pub(super) struct WeightsFile {
    path: PathBuf,
    /// What the graphs call it: a file of this name in their own folder.
    name: String,
    file: BufWriter<File>,
    length: u64,
}

impl WeightsFile {
    /// Creates `path`; the graphs will look for a file `name` beside them.
    pub(super) fn create(path: &Path, name: &str) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        Ok(Self { path: path.to_path_buf(), name: name.to_owned(), file: BufWriter::new(file), length: 0 })
    }

    fn append(&mut self, chunks: impl Iterator<Item = Vec<u8>>) -> Result<(u64, u64), Error> {
        let offset = self.length.next_multiple_of(ALIGNMENT);
        let gap = usize::try_from(offset - self.length).unwrap_or_default();
        self.write(&vec![0; gap])?;
        for chunk in chunks {
            self.write(&chunk)?;
        }
        Ok((offset, self.length - offset))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes what is buffered; returns the length in bytes.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        self.file.flush().map_err(Error::io("write", &self.path))?;
        Ok(self.length)
    }
}

/// One length of a graph's input or output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// Known.
    Is(usize),
    /// Free, by name.
    Free(&'static str),
}

/// A value of an attribute.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
}

/// Name of a value in the graph.
pub(super) type Name = String;

/// A graph in the making.
pub(super) struct Builder<'w> {
    graph: Graph,
    weights: &'w mut WeightsFile,
    made: usize,
}

impl<'w> Builder<'w> {
    pub(super) fn new(name: &str, weights: &'w mut WeightsFile) -> Self {
        Self { graph: Graph { name: Some(name.to_owned()), ..Graph::default() }, weights, made: 0 }
    }

    pub(super) fn input(&mut self, name: &str, kind: DataType, lengths: &[Length]) -> Name {
        self.graph.input.push(value_info(name, kind, lengths));
        name.to_owned()
    }

    /// Declares the value `name` of the graph as an output.
    pub(super) fn output(&mut self, name: &str, lengths: &[Length]) {
        self.output_of(DataType::Float, name, lengths);
    }

    /// Declares the value `name` of the graph as an output of this type.
    pub(super) fn output_of(&mut self, kind: DataType, name: &str, lengths: &[Length]) {
        self.graph.output.push(value_info(name, kind, lengths));
    }

    /// A node of the standard operators with one output.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Value<'_>)]) -> Name {
        self.made += 1;
        let output = format!("{operator}_{}", self.made);
        self.node_to(operator, (inputs, &[&output]), attributes);
        output
    }

    /// A node of ONNX Runtime's own operators with one output.
    pub(super) fn runtime_node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Value<'_>)],
    ) -> Name {
        let output = self.node(operator, inputs, attributes);
        self.last_is_of(RUNTIME_DOMAIN);
        output
    }

    /// A node of this program's own operators ([`operators`]) whose outputs are named by the caller.
    pub(super) fn own_node(&mut self, operator: &str, inputs: &[&str], outputs: &[&str]) {
        self.node_to(operator, (inputs, outputs), &[]);
        self.last_is_of(operators::DOMAIN);
    }

    fn last_is_of(&mut self, domain: &str) {
        if let Some(node) = self.graph.node.last_mut() {
            node.domain = Some(domain.to_owned());
        }
    }

    /// A node of the standard operators whose outputs are named by the caller.
    pub(super) fn node_to(
        &mut self,
        operator: &str,
        (inputs, outputs): (&[&str], &[&str]),
        attributes: &[(&str, Value<'_>)],
    ) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.graph.node.push(Node {
            input: owned(inputs),
            output: owned(outputs),
            name: outputs.first().map(|name| format!("n_{name}")),
            op_type: Some(operator.to_owned()),
            attribute: attributes.iter().map(|(name, value)| attribute(name, *value)).collect(),
            domain: None,
        });
    }

    /// A constant of f32 values.
    pub(super) fn floats(&mut self, dims: &[usize], values: &[f32]) -> Result<Name, Error> {
        let chunks = values.chunks(CHUNK_VALUES).map(|part| {
            let bytes: Vec<u8> = part.iter().flat_map(|value| value.to_le_bytes()).collect();
            bytes
        });
        self.constant((DataType::Float, values.len() * 4), dims, chunks)
    }

    /// A constant of f16 values.
    pub(super) fn halves(&mut self, dims: &[usize], values: &[f32]) -> Result<Name, Error> {
        let chunks = values.chunks(CHUNK_VALUES).map(|part| {
            let bytes: Vec<u8> = part.iter().flat_map(|value| half::from_f32(*value).to_le_bytes()).collect();
            bytes
        });
        self.constant((DataType::Float16, values.len() * 2), dims, chunks)
    }

    /// A constant of signed bytes.
    pub(super) fn bytes(&mut self, dims: &[usize], values: &[i8]) -> Result<Name, Error> {
        let chunks =
            values.chunks(CHUNK_VALUES).map(|part| part.iter().map(|value| value.cast_unsigned()).collect());
        self.constant((DataType::Int8, values.len()), dims, chunks)
    }

    /// A constant of bytes that the runtime reads as smaller numbers.
    pub(super) fn packed(&mut self, dims: &[usize], values: &[u8]) -> Result<Name, Error> {
        self.constant((DataType::Uint8, values.len()), dims, values.chunks(CHUNK_VALUES).map(<[u8]>::to_vec))
    }

    /// A constant list of numbers: shapes, indices.
    pub(super) fn numbers(&mut self, values: &[i64]) -> Result<Name, Error> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant((DataType::Int64, values.len() * 8), &[values.len()], std::iter::once(bytes))
    }

    fn constant(
        &mut self,
        (kind, length): (DataType, usize),
        dims: &[usize],
        chunks: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Name, Error> {
        self.made += 1;
        let name = format!("c_{}", self.made);
        let mut tensor = Tensor {
            dims: dims.iter().map(|length| *length as i64).collect(),
            data_type: Some(kind as i32),
            name: Some(name.clone()),
            ..Tensor::default()
        };
        if length < INLINE_BYTES || kind == DataType::Int64 {
            tensor.raw_data = Some(chunks.flatten().collect());
        } else {
            let (offset, length) = self.weights.append(chunks)?;
            tensor.data_location = Some(EXTERNAL);
            tensor.external_data = vec![
                entry("location", &self.weights.name),
                entry("offset", &offset.to_string()),
                entry("length", &length.to_string()),
            ];
        }
        self.graph.initializer.push(tensor);
        Ok(name)
    }

    /// The finished graph; lets go of the weights file.
    pub(super) fn done(self) -> Graph {
        self.graph
    }
}

/// Writes `graph` to `path`.
pub(super) fn write(graph: Graph, path: &Path, metadata: &[(&str, String)]) -> Result<(), Error> {
    let set = |domain: &str, version| OperatorSet { domain: Some(domain.to_owned()), version: Some(version) };
    let mut sets = vec![set("", OPERATORS), set(RUNTIME_DOMAIN, 1)];
    if graph.node.iter().any(|node| node.domain.as_deref() == Some(operators::DOMAIN)) {
        sets.push(set(operators::DOMAIN, 1));
    }
    let model = Model {
        ir_version: Some(IR_VERSION),
        producer_name: Some("allo".to_owned()),
        graph: Some(graph),
        opset_import: sets,
        metadata_props: metadata.iter().map(|(key, value)| entry(key, value)).collect(),
    };
    std::fs::write(path, model.encode_to_vec()).map_err(Error::io("write", path))
}

fn entry(key: &str, value: &str) -> StringEntry {
    StringEntry { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}

fn attribute(name: &str, value: Value<'_>) -> Attribute {
    let mut attribute = Attribute { name: Some(name.to_owned()), ..Attribute::default() };
    let kind = match value {
        Value::Int(number) => {
            attribute.i = Some(number);
            AttributeType::Int
        }
        Value::Float(number) => {
            attribute.f = Some(number);
            AttributeType::Float
        }
        Value::Ints(numbers) => {
            attribute.ints = numbers.to_vec();
            AttributeType::Ints
        }
    };
    attribute.r#type = Some(kind as i32);
    attribute
}

fn value_info(name: &str, kind: DataType, lengths: &[Length]) -> ValueInfo {
    let dimension = |length: &Length| match length {
        Length::Is(value) => Dimension { dim_value: Some(*value as i64), dim_param: None },
        Length::Free(name) => Dimension { dim_value: None, dim_param: Some((*name).to_owned()) },
    };
    let shape = Shape { dim: lengths.iter().map(dimension).collect() };
    let tensor = TensorType { elem_type: Some(kind as i32), shape: Some(shape) };
    ValueInfo { name: Some(name.to_owned()), r#type: Some(Type { tensor_type: Some(tensor) }) }
}
