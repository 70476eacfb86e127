//! The real program in a process of its own, on a data folder: for what only a process can show (kill -9, the command
//! line, a disk that takes no more).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::Client;
use crate::database::Database;

/// Set by Cargo for the package's integration tests; the program's own main, built here.
pub type Program = &'static str;

/// Enough for the program's rule for passwords.
const PASSWORD: &str = "correct horse battery";

/// A data folder and a database, and the program that uses them.
pub struct Installation {
    pub folder: tempfile::TempDir,
    pub database: Database,
    program: Program,
    more: Vec<(&'static str, String)>,
}

/// What a command said, and whether it went well.
#[derive(Debug)]
pub struct Said {
    pub well: bool,
    pub out: String,
    pub err: String,
}

impl Installation {
    /// An empty one: the database stands, and has no tables.
    pub async fn new(program: Program) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Database::empty().await, program, more: Vec::new() }
    }

    /// An empty one on SQLite, whatever the others use.
    pub fn on_sqlite(program: Program) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Database::Sqlite, program, more: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.data_dir().join(name)
    }

    /// One more setting, from the next start on.
    pub fn set(&mut self, key: &'static str, value: &str) {
        self.more.push((key, value.to_owned()));
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let own = vec![
            ("BUOY_DATA_DIR", self.data_dir().to_str().unwrap().to_owned()),
            ("BUOY_DATABASE_URL", self.database.url()),
            ("BUOY_LISTEN", "127.0.0.1:0".to_owned()),
            ("BUOY_HTTP__WORKERS", "1".to_owned()),
            ("BUOY_LOG", "warn".to_owned()),
        ];
        own.into_iter().chain(self.more.clone()).collect()
    }

    /// The program with this installation's settings and nothing of the shell's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).env_clear().envs(self.settings()).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        finish(self.command(arguments), "")
    }

    /// Somebody who can sign in; through the server where one runs.
    pub fn add_user(&self, email: &str, role: &str) {
        let mut command = self.command(&["user", "add", "--email", email, "--name", email, "--role", role]);
        command.stdin(Stdio::piped());
        let said = finish(command, PASSWORD);
        assert!(said.well, "{said:?}");
    }

    pub fn serve(&self) -> Serving {
        Serving::start(self.command(&["serve"]))
    }

    /// The server, whose files may not grow beyond so many KiB: a disk that is full.
    pub fn serve_within(&self, kib: u64) -> Serving {
        let mut command = Command::new("/bin/bash");
        // The signal ignored, a write beyond the limit fails as one on a full disk does: with an error.
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec {} serve", self.program);
        command.args(["-c", &script]).env_clear().envs(self.settings()).current_dir(self.folder.path());
        Serving::start(command)
    }
}

fn finish(mut command: Command, stdin: &str) -> Said {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read it has gone before.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        well: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A server that runs; killed where the test forgets it.
pub struct Serving {
    child: Child,
    pub address: String,
    /// Kept open: a server whose words nobody reads would end.
    _out: BufReader<ChildStdout>,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Buoy is at ").unwrap_or_else(|| panic!("no server: {line:?}"));
        Self { child, address: address.to_owned(), _out: out }
    }

    pub fn nobody(&self) -> Client {
        api::channels::choose_tls();
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).build().unwrap();
        Client { http, address: self.address.clone(), token: None, language: "en" }
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let nobody = self.nobody();
        let payload = nobody.done("signIn", "accessToken", json!({ "email": email, "password": PASSWORD })).await;
        Client { token: Some(payload["accessToken"].as_str().unwrap().to_owned()), ..nobody }
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the server must end well.
    pub fn stop(mut self) {
        let script = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &script]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds, as long as patience lasts.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that waits for ever is no test; another process has no clock of ours"
)]
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The text of a file.
pub fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
