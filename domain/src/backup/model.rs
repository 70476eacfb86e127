//! What a backup says of itself.

use serde::{Deserialize, Serialize};

use crate::kernel::Timestamp;

/// The shape of the folder; a program reads no other.
pub const FORMAT: u32 = 1;
pub const MANIFEST: &str = "backup.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The migrations that made the tables, in their order.
    pub migrations: Vec<String>,
    pub taken_at: Timestamp,
    /// Tells whether a master key is the one that secrets and seals in here were made with.
    #[serde(with = "hex")]
    pub key_check: Vec<u8>,
    /// Parents before their children.
    pub tables: Vec<TableFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    pub table: String,
    pub columns: Vec<Column>,
    pub rows: u64,
    /// SHA-256 of the packed file.
    #[serde(with = "hex")]
    pub digest: Vec<u8>,
}

impl TableFile {
    pub fn file_name(&self) -> String {
        file_name(&self.table)
    }
}

pub fn file_name(table: &str) -> String {
    format!("{table}.jsonl.gz")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What a value is, on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Integer,
    Boolean,
    Text,
    /// Hexadecimal digits in the file.
    Bytes,
    /// The same: 16 bytes.
    Uuid,
}

/// One row, in the order of the columns.
pub type Cells = Vec<serde_json::Value>;

/// How far copying has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copying {
    pub table: String,
    pub rows: u64,
    pub of: u64,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub tables: u64,
    pub rows: u64,
}

/// What a restore does with the master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The key at hand must be the backup's.
    Keep,
    /// The key is lost: sealed secrets and the log's seals stay behind, and both begin anew.
    Forget,
}
