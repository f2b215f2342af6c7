//! `roomcast types`: the contracts as TypeScript.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use contracts::event_schema::ContractSchema;
use contracts::{ContractOptions, ContractRegistry};

use crate::codegen::typescript;

/// The arguments of `roomcast types`.
#[derive(Args)]
pub struct TypesArguments {
    /// The name of the contract to write
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// A folder to write into, with a file for each contract. Without it, one contract is printed to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes the files. Returns the text to print.
///
/// # Errors
/// A line about an unknown contract, or a folder that cannot be written.
pub fn write(arguments: TypesArguments) -> anyhow::Result<String> {
    let mut contract_schemas = ContractRegistry::new(ContractOptions::default()).schemas();
    let names: Vec<_> = contract_schemas.iter().map(|contract_schema| contract_schema.contract).collect();
    if let Some(name) = &arguments.contract {
        contract_schemas.retain(|contract_schema| contract_schema.contract == name);
        if contract_schemas.is_empty() {
            bail!("--contract={name}: expected {}", names.join(", "));
        }
    }
    match (&arguments.out, &contract_schemas[..]) {
        (None, [one]) => Ok(typescript::module(one)),
        (None, _) => bail!("select a contract with --contract ({}), or a folder for all of them with --out", names.join(", ")),
        (Some(folder), all) => write_into(folder, all),
    }
}

fn write_into(folder: &std::path::Path, contract_schemas: &[ContractSchema]) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder).with_context(|| format!("--out={}: the folder cannot be created", folder.display()))?;
    let mut written = String::new();
    for contract_schema in contract_schemas {
        let file = folder.join(contract_schema.contract).with_extension("ts");
        std::fs::write(&file, typescript::module(contract_schema)).with_context(|| format!("{} cannot be written", file.display()))?;
        written.push_str(&format!("{}\n", file.display()));
    }
    Ok(written)
}
