using System.Reflection;
using UffdActors.Model.Inputs;

namespace UffdActors.Model.Tests;

/// <summary>What an exception of third-party code says, whatever its message is.</summary>
public sealed class ForeignTextTests
{
    [Theory]
    [InlineData(null, "Odd, without a message")]
    [InlineData("", "Odd, without a message")]
    [InlineData(" \r\n ", "Odd, without a message")]
    [InlineData("throw", "Odd, without a message")]
    [InlineData("one\r\ntwo\n", "one two")]
    public void It_is_one_line_and_never_empty(string? message, string text)
    {
        Assert.Equal(text, ForeignText.Of(new Odd(message)));
        Assert.Equal(text, ForeignText.Of(new TypeInitializationException("T", new TargetInvocationException(new Odd(message)))));
    }

    private sealed class Odd(string? message) : Exception
    {
        public override string Message => message == "throw" ? throw new InvalidOperationException("no message") : message!;
    }
}
