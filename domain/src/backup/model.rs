//! The manifest of a backup.

use serde::{Deserialize, Serialize};

use crate::kernel::Timestamp;

/// The version of the format; other versions are rejected.
pub const FORMAT: u32 = 1;
pub const MANIFEST: &str = "backup.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The applied migrations, in order.
    pub migrations: Vec<String>,
    pub taken_at: Timestamp,
    /// Identifies the master key of the secrets and seals in the backup.
    #[serde(with = "hex")]
    pub key_check: Vec<u8>,
    /// Referenced tables before referencing ones.
    pub tables: Vec<TableFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    pub table: String,
    pub columns: Vec<Column>,
    pub rows: u64,
    /// SHA-256 of the compressed file.
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

/// The type of a value, independent of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Integer,
    Boolean,
    Text,
    /// Hexadecimal digits in the file.
    Bytes,
    /// 16 bytes, as hexadecimal digits.
    Uuid,
}

/// One row, in the order of the columns.
pub type Cells = Vec<serde_json::Value>;

/// The progress of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyProgress {
    pub table: String,
    pub rows: u64,
    pub of: u64,
}

/// The result of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySummary {
    pub tables: u64,
    pub rows: u64,
}

/// What a restore does with secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Restores them; the master key must be that of the backup.
    Keep,
    /// Leaves out sealed secrets and the seals of the log, because the master key is lost.
    Discard,
}
