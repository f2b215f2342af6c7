//! `roomcast completions` and `roomcast man`: files for the shell, made from the definition of the command line.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

/// The arguments of `roomcast completions`.
#[derive(Args)]
pub struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// The arguments of `roomcast man`.
#[derive(Args)]
pub struct ManArguments {
    /// Write a page for each command into this folder, such as roomcast.1 and roomcast-token.1. Without it, the page of roomcast is printed
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// The completions of a shell.
pub fn completions(arguments: &CompletionsArguments) -> String {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "roomcast", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of `roomcast`, or a line that names the folder of the written pages.
///
/// # Errors
/// The folder cannot be created, or a file cannot be written.
pub fn man(arguments: ManArguments) -> anyhow::Result<String> {
    let Some(folder) = arguments.out else {
        let mut text = Vec::new();
        Man::new(command()).render(&mut text)?;
        return Ok(String::from_utf8_lossy(&text).into_owned());
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("--out={}: the folder cannot be created", folder.display()))?;
    clap_mangen::generate_to(command(), &folder).with_context(|| format!("--out={}: a page cannot be written", folder.display()))?;
    Ok(format!("{}: roomcast.1, and a page for each command\n", folder.display()))
}

/// The command line, with the full names of its commands.
fn command() -> Command {
    // The pages of `roomcast help COMMAND` would repeat those of the commands.
    let mut command = super::Cli::command().disable_help_subcommand(true);
    command.build();
    command
}
