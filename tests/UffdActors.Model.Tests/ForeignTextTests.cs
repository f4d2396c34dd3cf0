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
    [InlineData("a\u202eb\u001b[31mc\u2028d", "a?b?[31mc?d")]
    public void It_is_one_line_and_never_empty(string? message, string text)
    {
        Assert.Equal(text, ForeignText.Of(new Odd(message)));
        Assert.Equal(text, ForeignText.Of(new TypeInitializationException("T", new TargetInvocationException(new Odd(message)))));
    }

    [Theory]
    [InlineData("plain, \u00e4\u6f22", "plain, \u00e4\u6f22")]
    [InlineData("\ud83d\ude00", "\ud83d\ude00")]
    [InlineData("a\u202eb", "a?b")]
    [InlineData("\u200b\u2066\ufeff", "???")]
    [InlineData("\u001b[2J\a\0\u0085\u009b", "?[2J????")]
    [InlineData("\u2028\u2029", "??")]
    [InlineData("\udb40\udc41", "??")]
    public void A_character_that_is_not_shown_as_one_is_a_question_mark(string text, string shown)
    {
        Assert.Equal(shown, ForeignText.Shown(text));
        Assert.Equal(text == shown, ForeignText.IsShown(text));
    }

    /// <summary>Not as rows: metadata does not hold half of a character.</summary>
    [Fact]
    public void Half_of_a_character_is_a_question_mark()
    {
        Assert.Equal("?", ForeignText.Shown("\ud83d"));
        Assert.Equal("x?y", ForeignText.Shown("x\ude00y"));
        Assert.Equal("?\ud83d\ude00", ForeignText.Shown("\ud83d\ud83d\ude00"));
    }

    private sealed class Odd(string? message) : Exception
    {
        public override string Message => message == "throw" ? throw new InvalidOperationException("no message") : message!;
    }
}
