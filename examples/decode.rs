//! Decodes pictures with the default limits.
//!
//!     decode PICTURE…
//!     decode --save FOLDER PICTURE…
//!
//! For each picture it prints a line: the file's name and length, the seconds of processor (Linux),
//! the process's peak memory so far in MiB (Linux), and the size of the picture or the error. With
//! `--save`, `NAME.png` in FOLDER has the decoded pixels.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use convscope::config::ImageLimits;
use convscope::preprocess::decode;

fn main() -> Result<(), Box<dyn Error>> {
    let mut pictures: Vec<String> = std::env::args().skip(1).collect();
    let mut folder = None;
    if let [option, path, ..] = pictures.as_slice()
        && option == "--save"
    {
        folder = Some(path.clone());
        pictures.drain(..2);
    }
    let mut output = std::io::stdout().lock();
    for path in &pictures {
        let file = fs::read(path)?;
        let begun = processor_seconds();
        let result = decode(&file, &ImageLimits::default());
        let (seconds, memory) = (processor_seconds() - begun, peak_memory());
        let name = Path::new(path).file_name().unwrap_or_default().display();
        let text = match &result {
            Ok(picture) => format!("{} × {}", picture.width(), picture.height()),
            Err(error) => error.to_string(),
        };
        writeln!(output, "{name}\t{}\t{seconds:.2}\t{memory}\t{text}", file.len())?;
        if let (Some(folder), Ok(picture)) = (&folder, result) {
            picture.pixels.save(format!("{folder}/{name}.png"))?;
        }
    }
    Ok(())
}

fn processor_seconds() -> f64 {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}

fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() >> 10
}
