//! `buoy audit verify`.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::store::{HEADS_FILE, PURPOSE, log_seal, seal_mac};
use crate::kernel::{Error, Result, boxed};
use crate::runtime::log::History;
use crate::runtime::{App, Cursor, Vault, log};

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub rows: u64,
    pub seals: u64,
    /// Rows after the last seal: their digests were checked, but their order is not protected yet.
    pub unsealed: u64,
    /// Descriptions of the faults; empty if the log is intact.
    pub faults: Vec<String>,
}

/// Maximum number of reported faults.
const FAULTS_MAX: usize = 20;
const SEALS_PER_READ: u64 = 200;

impl Report {
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty()
    }

    fn add_fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Recomputes every digest and every seal in order, and compares the seals with the heads in the data folder.
pub async fn verify(app: &App, mut progress: impl FnMut(u64)) -> Result<Report> {
    let (conn, engine) = (app.db.read(), app.db.engine);
    let key = app.state::<Vault>().subkey(PURPOSE);
    let heads = read_heads(app)?;
    let mut report = Report::default();
    let mut before: Vec<u8> = Vec::new();
    let mut position = 0_i64;
    let mut cursor = Cursor::START;
    loop {
        let seals = log_seal::Entity::find()
            .filter(log_seal::Column::Position.gt(position))
            .order_by_asc(log_seal::Column::Position)
            .limit(SEALS_PER_READ)
            .all(conn)
            .await?;
        if seals.is_empty() {
            break;
        }
        for seal in seals {
            if seal.position != position + 1 {
                report.add_fault(format!("seal {} is missing", position + 1));
            }
            position = seal.position;
            let rows = u64::try_from(seal.rows).unwrap_or(0);
            let models = log::read_models(conn, engine, cursor, rows).await?;
            for row in &models {
                if log::digest(row) != row.digest {
                    report.add_fault(format!("event {} ({}) was changed after it was written", row.seq, row.kind));
                }
            }
            let end = models.last().map(|row| Cursor { xid: row.xid, seq: row.seq });
            let mac = seal_mac(&key, seal.position, &before, &models);
            if mac != seal.mac || end != Some(Cursor { xid: seal.last_xid, seq: seal.last_seq }) {
                report.add_fault(format!(
                    "seal {position} does not fit its {rows} events: some were changed, removed or added"
                ));
            }
            if heads.get(&position).is_some_and(|head| *head != seal.mac) {
                report.add_fault(format!("seal {position} differs from the one noted in {HEADS_FILE}"));
            }
            cursor = Cursor { xid: seal.last_xid, seq: seal.last_seq };
            before = seal.mac;
            report.rows += models.len() as u64;
            report.seals += 1;
            progress(report.rows);
        }
    }
    if let Some(noted) = heads.keys().max().filter(|noted| **noted > position) {
        report.add_fault(format!(
            "{HEADS_FILE} notes seal {noted}, the database ends at {position}: its end was cut off"
        ));
    }
    loop {
        let tail = log::read_models(conn, engine, cursor, 1_000).await?;
        let Some(end) = tail.last() else { return Ok(report) };
        cursor = Cursor { xid: end.xid, seq: end.seq };
        for row in &tail {
            if log::digest(row) != row.digest {
                report.add_fault(format!("event {} ({}) was changed after it was written", row.seq, row.kind));
            }
        }
        report.rows += tail.len() as u64;
        report.unsealed += tail.len() as u64;
        progress(report.rows);
    }
}

/// The heads of the current epoch of the log.
fn read_heads(app: &App) -> Result<HashMap<i64, Vec<u8>>> {
    let path = app.data_dir.join(HEADS_FILE);
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(e) => return Err(Error::internal(format!("{}: {e}", path.display()))),
    };
    let mut heads = HashMap::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| Error::internal(format!("{}: {e}", path.display())))?;
        let mut parts = line.split(' ');
        // Skip a line that a crash has cut off.
        if let (Some(epoch), Some(position), Some(mac)) = (parts.next(), parts.next(), parts.next())
            && epoch == &*app.log_epoch
            && let (Ok(position), Ok(mac)) = (position.parse(), hex::decode(mac))
            && mac.len() == 32
        {
            heads.insert(position, mac);
        }
    }
    Ok(heads)
}

/// The number of events after the last seal, counted up to `max`.
#[boxed]
pub async fn unsealed(app: &App, max: u64) -> Result<u64> {
    let last = super::store::last(app.db.read()).await?;
    let after = last.map_or(Cursor::START, |seal| Cursor { xid: seal.last_xid, seq: seal.last_seq });
    log::count_after(app.db.read(), app.db.engine, after, History::Included, max).await
}
