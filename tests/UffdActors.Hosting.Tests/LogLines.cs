using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace UffdActors.Hosting.Tests;

/// <summary>What was logged, line by line.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly Channel<(LogLevel Level, EventId Id, string Text)> _lines =
        Channel.CreateUnbounded<(LogLevel, EventId, string)>();

    /// <summary>The next line with an event's number; those before it are passed over.</summary>
    public async Task<(LogLevel Level, EventId Id, string Text)> NextAsync(int id)
    {
        using CancellationTokenSource hang = new(TimeSpan.FromMinutes(2));
        while (true)
        {
            (LogLevel Level, EventId Id, string Text) line = await _lines.Reader.ReadAsync(hang.Token);
            if (line.Id.Id == id) return line;
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Writer.TryWrite((logLevel, eventId, formatter(state, exception)));

    public void Dispose()
    {
    }
}
