using Akka.Configuration;
using UffdActors.Testing;

namespace UffdActors.Tests.Runtime;

/// <summary>The profiles are the files of <c>hocon</c>, and each of them is one.</summary>
public sealed class ProfileTests
{
    [Fact]
    public void Each_file_is_the_profile_of_its_name()
    {
        string[] files = [.. SourceTree.Files("hocon", ".conf").Where(file => Path.GetFileName(Path.GetDirectoryName(file)) == "hocon")];
        Assert.Equal(5, files.Length);
        foreach (string file in files)
        {
            string name = Path.GetFileNameWithoutExtension(file);
            Config profile = name == "reference" ? UffdSettings.Reference : UffdSettings.Profile(name);
            Assert.Equal(ConfigurationFactory.ParseString(File.ReadAllText(file)).ToString(), profile.ToString());
        }
    }
}
