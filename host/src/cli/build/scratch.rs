//! A folder of its own for each test, gone when the test is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("guesthouse-build-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(fs::canonicalize(folder).unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, making its folders.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    /// Writes a shell script that can be called.
    ///
    /// Another process puts it in place: while a test in another thread starts a program, that program's process
    /// briefly holds every file this one has open for writing, and Linux does not run such a file (ETXTBSY).
    pub(super) fn program(&self, name: &str, script: &str) -> PathBuf {
        let text = self.file(&format!("{name}.text"), &format!("#!/bin/sh\n{script}\n"));
        let program = self.0.join(name);
        let installed =
            Command::new("install").args(["-m", "755"]).arg(&text).arg(&program).status().unwrap();
        assert!(installed.success());
        fs::remove_file(text).unwrap();
        program
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
