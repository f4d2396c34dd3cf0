namespace UffdActors.Linux.Native;

/// <summary>What a system call returned, with the errno of a failure.</summary>
/// <param name="Return">-1 on failure.</param>
/// <param name="Error">None on success.</param>
internal readonly record struct CallResult(long Return, Errno Error);
