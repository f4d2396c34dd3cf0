namespace UffdActors.Model.Mapping;

/// <summary>What a module's code is called for.</summary>
internal enum HookKind
{
    /// <summary>CONTINUE: the cached folio of a page.</summary>
    Find,

    /// <summary>COPY, ZEROPAGE: a folio with content.</summary>
    Make,

    /// <summary>A folio comes into the cache.</summary>
    Add,

    /// <summary>An ordinary fault.</summary>
    Fault,

    /// <summary>mmap.</summary>
    CheckMapping,

    /// <summary>mmap and mprotect.</summary>
    CheckProtection,

    /// <summary>A file call.</summary>
    CheckFileCall,

    /// <summary>A mapping has been made.</summary>
    OnMapped,
}
