using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>
/// One type, one file: a type that stands in no other has a file to itself, named after it without its generic arity. There are no
/// exceptions; <see cref="FolderGraph"/> depends on it.
/// </summary>
public sealed partial class OneTypeAFileTests
{
    [Fact]
    public void A_type_of_the_sources_has_a_file_of_its_own_that_is_named_after_it()
    {
        // Statements at the top of a program are in the type Program, which no line declares.
        IEnumerable<string> wrong = SourceTree.Files("src", ".cs")
            .Where(file => Path.GetFileName(file) != "Program.cs")
            .Select(file => (Name: SourceTree.NameOf(file), Types: TypesIn(File.ReadAllText(file))))
            .Where(file => file.Types is not [var only] || only != Path.GetFileNameWithoutExtension(file.Name))
            .Select(file => $"{file.Name}: {string.Join(", ", file.Types)}");
        Findings.None("A file holds one type and is named after it: give each type a file, or correct the file's name.", wrong);
    }

    [Theory]
    [InlineData("public sealed class A;", "A")]
    [InlineData("internal readonly ref struct A<T>(int b)\n{\n    private sealed class C;\n}\n\ninternal enum B;", "A, B")]
    [InlineData("[Flags]\npublic enum A\n{\n}\n\n/// <summary>class B</summary>\ninternal static unsafe partial class C;", "A, C")]
    [InlineData("public readonly record struct A(int B);\npublic sealed record C(int D);\ninternal interface IE;", "A, C, IE")]
    [InlineData("internal delegate bool A(in B b);\npublic delegate Func<int, string>? C<T>();", "A, C")]
    public void Types_are_found_by_their_declarations(string code, string types) => Assert.Equal(types, string.Join(", ", TypesIn(code)));

    // The format check leaves what stands in no other type at the start of a line.
    private static string[] TypesIn(string code) => [.. Declaration().Matches(code).Select(match => match.Groups["name"].Value)];

    [GeneratedRegex(
        @"^(\[[^\]]*\] )?((public|internal|file|static|sealed|abstract|readonly|ref|unsafe|partial|new) )*"
            + @"(class|struct|interface|enum|record( class| struct)?|delegate [\w<>\[\],.? ]+) (?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
