//! The part of ONNX's protocol buffers that importing looks at; other fields are skipped. Field
//! numbers are those of onnx.proto (IR version 6 and later).

use prost::Message;

/// A file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub operator_sets: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<Named>,
    #[prost(message, repeated, tag = "12")]
    pub outputs: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Named {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Node {
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "4")]
    pub operator: String,
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub float: f32,
    #[prost(int64, tag = "3")]
    pub int: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub text: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub tensor: Option<Tensor>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// [`F32`] or another type.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub floats: Vec<f32>,
    #[prost(string, tag = "8")]
    pub name: String,
    /// Little-endian; there is this or a list.
    #[prost(bytes = "vec", tag = "9")]
    pub raw: Vec<u8>,
}

/// The type number of single precision.
pub const F32: i32 = 1;

impl Node {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }
}

impl Tensor {
    /// The values, when they are single-precision and as many as the dimensions say.
    pub fn f32s(&self) -> Option<Vec<f32>> {
        if self.data_type != F32 {
            return None;
        }
        let values = if self.raw.is_empty() {
            self.floats.clone()
        } else {
            let (chunks, rest) = self.raw.as_chunks::<4>();
            if !rest.is_empty() {
                return None;
            }
            chunks.iter().map(|&b| f32::from_le_bytes(b)).collect()
        };
        let mut count = 1_usize;
        for &side in &self.dims {
            count = count.checked_mul(usize::try_from(side).ok()?)?;
        }
        (count == values.len()).then_some(values)
    }
}
