using System.Text.Json.Nodes;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Charts;

/// <summary>When which vCPU was blocked.</summary>
internal static class VcpuCharts
{
    private const int RowHeight = 26;
    private const int Margins = 130;

    /// <summary>A row a vCPU; the darker, the longer it was blocked within a span of time.</summary>
    public static Chart Blocked(RunHistory run)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        FaultBins bins = run.Faults;
        JsonArray z = [];
        for (int vcpu = 0; vcpu < bins.Vcpus; vcpu++)
        {
            int at = vcpu;
            z.Add(Plotly.Numbers(Enumerable.Range(0, bins.Used).Select(bin => Math.Round(100.0 * bins.Blocked(at, bin) / bins.Width, 1))));
        }

        JsonObject heat = new()
        {
            ["type"] = "heatmap",
            ["x"] = Plotly.Numbers(Enumerable.Range(0, bins.Used).Select(bin => time.Of((bin + 0.5) * bins.Width))),
            ["y"] = Plotly.Texts(Enumerable.Range(0, bins.Vcpus).Select(v => $"vCPU {v}")),
            ["z"] = z,
            ["zmin"] = 0,
            ["zmax"] = 100,
            ["ygap"] = 3,
            ["colorscale"] = new JsonArray(new JsonArray(0.0, "@absent"), new JsonArray(1.0, "@alarm")),
            ["colorbar"] = new JsonObject { ["title"] = new JsonObject { ["text"] = "% blocked" }, ["thickness"] = 12 },
            ["hovertemplate"] = "%{y}, at %{x}: %{z} % blocked<extra></extra>",
        };
        JsonObject rows = Plotly.Axis("", "category");
        rows["autorange"] = "reversed";
        (int Vcpu, long Blocked)[] blocked = [.. Enumerable.Range(0, bins.Vcpus).Select(v => (v, bins.Blocked(v)))];
        (int Vcpu, long Blocked) most = blocked.MaxBy(b => b.Blocked);
        return new Chart(
            "vcpus", "vCPUs blocked over time",
            $"For how much of each {Words.Time(bins.Width)} a vCPU waited for a page. vCPU {most.Vcpu} waited longest: "
                + $"{Words.Time(most.Blocked)}, {Words.Share((double)most.Blocked / run.Nanoseconds)} of the run.",
            [heat], new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = rows, ["showlegend"] = false },
            new TextTable(
                ["vCPU", "blocked", "share of the run"],
                [.. blocked.Select(b => new[]
                {
                    $"{b.Vcpu}", Words.Time(b.Blocked), Words.Share((double)b.Blocked / run.Nanoseconds),
                })]))
        {
            Height = Margins + (RowHeight * Math.Max(3, bins.Vcpus)),
        };
    }
}
