namespace UffdActors.Model.Mapping;

/// <summary>Protection of a mapping, as <c>mmap</c>(2) takes it.</summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum Prot
{
    None = 0,
    Read = 1,
    Write = 2,
    ReadWrite = Read | Write,
}
#pragma warning restore CS1591
