#[cfg(target_os = "linux")]
use prometheus_client::encoding::EncodeMetric;
#[cfg(target_os = "linux")]
use prometheus_client::metrics::counter::ConstCounter;
#[cfg(target_os = "linux")]
use prometheus_client::metrics::gauge::ConstGauge;
#[cfg(target_os = "linux")]
use prometheus_client::registry::Unit;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

/// The metrics of the process that Prometheus' own clients have, by the same names. They are read
/// from `/proc`, so other systems than Linux have none.
#[derive(Debug)]
pub(super) struct ProcessMetrics;

impl Collector for ProcessMetrics {
    #[cfg(not(target_os = "linux"))]
    fn encode(&self, _: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        // Without `/proc` there is nothing to tell.
        let Ok(process) = Process::read() else { return Ok(()) };
        let cpu = ConstCounter::new(process.cpu_seconds);
        let help = "User and system time of the process";
        let unit = Some(&Unit::Seconds);
        cpu.encode(encoder.encode_descriptor("process_cpu", help, unit, cpu.metric_type())?)?;
        let gauges = [
            (
                "process_resident_memory",
                "Resident memory of the process",
                Some(&Unit::Bytes),
                process.resident_bytes,
            ),
            ("process_open_fds", "Open file descriptors", None, process.open_files),
            ("process_max_fds", "Limit of open file descriptors", None, process.max_files),
            (
                "process_start_time",
                "Start of the process, since 1970",
                Some(&Unit::Seconds),
                process.started_seconds,
            ),
        ];
        for (name, help, unit, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
struct Process {
    cpu_seconds: f64,
    resident_bytes: f64,
    open_files: f64,
    max_files: f64,
    started_seconds: f64,
}

#[cfg(target_os = "linux")]
impl Process {
    fn read() -> procfs::ProcResult<Self> {
        use procfs::process::{LimitValue, Process};
        let process = Process::myself()?;
        let (stat, ticks) = (process.stat()?, procfs::ticks_per_second() as f64);
        let max_files = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => limit as f64,
            LimitValue::Unlimited => f64::INFINITY,
        };
        Ok(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            resident_bytes: (stat.rss * procfs::page_size()) as f64,
            open_files: process.fd_count()? as f64,
            max_files,
            started_seconds: procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks,
        })
    }
}
