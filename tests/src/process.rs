//! The real program in its own process and data folder, for what only a process can show: kill -9, the
//! command line, a full disk.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::Client;
use crate::database::Database;

/// The path of the program, which Cargo sets for the integration tests of the package.
pub type Program = &'static str;

/// Long enough for the password policy.
const PASSWORD: &str = "correct horse battery";

/// A data folder, a database and the program that uses them.
pub struct Installation {
    pub folder: tempfile::TempDir,
    pub database: Database,
    program: Program,
    extra_settings: Vec<(&'static str, String)>,
}

/// The output of a command, and how it ended.
#[derive(Debug)]
pub struct CommandOutput {
    pub success: bool,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Installation {
    /// An empty installation: the database exists and has no tables.
    pub async fn new(program: Program) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: Database::empty().await,
            program,
            extra_settings: Vec::new(),
        }
    }

    /// An empty installation on SQLite, whatever engine the test run uses.
    pub fn on_sqlite(program: Program) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Database::Sqlite, program, extra_settings: Vec::new() }
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

    /// Adds a setting that applies from the next start.
    pub fn set(&mut self, key: &'static str, value: &str) {
        self.extra_settings.push((key, value.to_owned()));
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let own = vec![
            ("BUOY_DATA_DIR", self.data_dir().to_str().unwrap().to_owned()),
            ("BUOY_DATABASE_URL", self.database.url()),
            ("BUOY_LISTEN", "127.0.0.1:0".to_owned()),
            ("BUOY_HTTP__WORKERS", "1".to_owned()),
            ("BUOY_LOG", "warn".to_owned()),
        ];
        own.into_iter().chain(self.extra_settings.clone()).collect()
    }

    /// The program with this installation's settings and no variable of the shell.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).env_clear().envs(self.settings()).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        run_to_end(self.command(arguments), "")
    }

    /// Adds a user who can sign in; through the server if one is running.
    pub fn add_user(&self, email: &str, role: &str) {
        let mut command = self.command(&["user", "add", "--email", email, "--name", email, "--role", role]);
        command.stdin(Stdio::piped());
        let output = run_to_end(command, PASSWORD);
        assert!(output.success, "{output:?}");
    }

    pub fn serve(&self) -> ServerProcess {
        ServerProcess::start(self.command(&["serve"]))
    }

    /// Starts the server with a limit on file size in KiB, to simulate a full disk.
    pub fn serve_with_file_limit(&self, kib: u64) -> ServerProcess {
        let mut command = Command::new("/bin/bash");
        // With the signal ignored, a write beyond the limit fails with an error, as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec {} serve", self.program);
        command.args(["-c", &script]).env_clear().envs(self.settings()).current_dir(self.folder.path());
        ServerProcess::start(command)
    }
}

fn run_to_end(mut command: Command, stdin: &str) -> CommandOutput {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input may have exited.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    CommandOutput {
        success: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running server; killed on drop.
pub struct ServerProcess {
    child: Child,
    pub address: String,
    /// Kept open: the server would exit on a closed pipe.
    _out: BufReader<ChildStdout>,
}

impl ServerProcess {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Buoy is at ").unwrap_or_else(|| panic!("no server: {line:?}"));
        Self { child, address: address.to_owned(), _out: stdout }
    }

    pub fn anonymous(&self) -> Client {
        adapters::install_tls_provider();
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).build().unwrap();
        Client { http, address: self.address.clone(), token: None, language: "en" }
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let anonymous = self.anonymous();
        let payload =
            anonymous.mutate_ok("signIn", "accessToken", json!({ "email": email, "password": PASSWORD })).await;
        Client { token: Some(payload["accessToken"].as_str().unwrap().to_owned()), ..anonymous }
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

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a condition holds, at most `PATIENCE`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that waits for ever is no test; another process has no clock of ours"
)]
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The text of a file.
pub fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
