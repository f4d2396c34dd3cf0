using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace UffdActors.Tests.Architecture;

/// <summary>
/// Which folders of a project use which others, read from what the compiler made: base types, signatures, locals, attributes and every
/// token in a method's code. How a name is written in the source does not matter; only what is gone from the code (a constant, a nameof)
/// is not seen. A type is in the folder of its file (<see cref="TypeFiles"/>), whatever its namespace; a nested one, and what the compiler
/// makes of a lambda or an iterator, in that of the type around it.
/// </summary>
internal sealed class FolderGraph
{
    private static readonly Dictionary<int, OperandType> Operands = typeof(OpCodes).GetFields()
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => (int)(ushort)o.Value, o => o.OperandType);

    private readonly SortedDictionary<string, SortedDictionary<string, string>> _edges = new(StringComparer.Ordinal);
    private readonly MetadataReader _reader;
    private readonly TypeFiles _files;

    private FolderGraph(PEReader file, TypeFiles files)
    {
        _reader = file.GetMetadataReader();
        _files = files;
        foreach (TypeDefinitionHandle handle in _reader.TypeDefinitions) Read(file, handle);
    }

    /// <summary>Reads an assembly.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="files">Where its types are declared.</param>
    public static FolderGraph Of(string file, TypeFiles files)
    {
        using PEReader reader = new(File.OpenRead(file));
        return new FolderGraph(reader, files);
    }

    /// <summary>A circle of folders, with a witness for each of its arrows; null if there is none.</summary>
    public string? Circle()
    {
        foreach (string start in _edges.Keys)
        {
            // The shortest way from a folder back to itself.
            Dictionary<string, string> cameFrom = [];
            Queue<string> open = new([start]);
            while (open.TryDequeue(out string? at))
            {
                foreach (string next in _edges.GetValueOrDefault(at)?.Keys ?? Enumerable.Empty<string>())
                {
                    if (!cameFrom.TryAdd(next, at)) continue;
                    if (next == start) return Describe(start, cameFrom);
                    open.Enqueue(next);
                }
            }
        }

        return null;
    }

    private string Describe(string start, Dictionary<string, string> cameFrom)
    {
        List<string> arrows = [];
        string to = start;
        do
        {
            string from = cameFrom[to];
            arrows.Insert(0, $"{from} uses {to} ({_edges[from][to]})");
            to = from;
        }
        while (to != start);
        return string.Join("; ", arrows);
    }

    private void Read(PEReader file, TypeDefinitionHandle handle)
    {
        if (PlaceOf(handle) is not { } place) return;
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        Use(place, type.BaseType);
        foreach (InterfaceImplementationHandle i in type.GetInterfaceImplementations())
            Use(place, _reader.GetInterfaceImplementation(i).Interface);
        foreach (FieldDefinitionHandle f in type.GetFields())
            Use(place, _reader.GetFieldDefinition(f).DecodeSignature(new Types(this), null));
        foreach (CustomAttributeHandle a in type.GetCustomAttributes()) Use(place, _reader.GetCustomAttribute(a).Constructor);
        foreach (GenericParameterHandle g in type.GetGenericParameters()) UseConstraints(place, g);
        foreach (MethodDefinitionHandle m in type.GetMethods())
        {
            MethodDefinition method = _reader.GetMethodDefinition(m);
            foreach (GenericParameterHandle g in method.GetGenericParameters()) UseConstraints(place, g);
            foreach (CustomAttributeHandle a in method.GetCustomAttributes()) Use(place, _reader.GetCustomAttribute(a).Constructor);
            MethodSignature<ImmutableArray<TypeDefinitionHandle>> signature = method.DecodeSignature(new Types(this), null);
            Use(place, signature.ReturnType);
            foreach (ImmutableArray<TypeDefinitionHandle> p in signature.ParameterTypes) Use(place, p);
            if (method.RelativeVirtualAddress != 0) ReadBody(place, file.GetMethodBody(method.RelativeVirtualAddress));
        }
    }

    private void ReadBody((string Folder, string Type) place, MethodBodyBlock body)
    {
        if (!body.LocalSignature.IsNil)
        {
            foreach (ImmutableArray<TypeDefinitionHandle> local in
                _reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(new Types(this), null))
            {
                Use(place, local);
            }
        }

        foreach (ExceptionRegion region in body.ExceptionRegions) Use(place, region.CatchType);
        BlobReader code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            int opcode = code.ReadByte();
            if (opcode == 0xFE) opcode = (opcode << 8) | code.ReadByte();
            switch (Operands[opcode])
            {
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                case OperandType.InlineSwitch:
                    int branches = code.ReadInt32();
                    code.Offset += 4 * branches;
                    break;
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    Use(place, MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                default:
                    code.Offset += 4;
                    break;
            }
        }
    }

    private void UseConstraints((string Folder, string Type) place, GenericParameterHandle parameter)
    {
        foreach (GenericParameterConstraintHandle c in _reader.GetGenericParameter(parameter).GetConstraints())
            Use(place, _reader.GetGenericParameterConstraint(c).Type);
    }

    private void Use((string Folder, string Type) place, EntityHandle handle)
    {
        if (!handle.IsNil) Use(place, Mentioned(handle));
    }

    private void Use((string Folder, string Type) place, ImmutableArray<TypeDefinitionHandle> types)
    {
        foreach (TypeDefinitionHandle handle in types)
        {
            if (PlaceOf(handle) is not { } used || used.Folder == place.Folder) continue;
            if (!_edges.TryGetValue(place.Folder, out SortedDictionary<string, string>? edges))
                _edges.Add(place.Folder, edges = new SortedDictionary<string, string>(StringComparer.Ordinal));
            _ = edges.TryAdd(used.Folder, $"{place.Type} -> {used.Type}");
        }
    }

    private ImmutableArray<TypeDefinitionHandle> Mentioned(EntityHandle handle)
    {
        Types types = new(this);
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                return [(TypeDefinitionHandle)handle];
            case HandleKind.TypeSpecification:
                return _reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(types, null);
            case HandleKind.FieldDefinition:
                return [_reader.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType()];
            case HandleKind.MethodDefinition:
                return [_reader.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()];
            case HandleKind.MethodSpecification:
                MethodSpecification method = _reader.GetMethodSpecification((MethodSpecificationHandle)handle);
                return [.. Mentioned(method.Method), .. method.DecodeSignature(types, null).SelectMany(t => t)];
            case HandleKind.MemberReference:
                return Mentioned(_reader.GetMemberReference((MemberReferenceHandle)handle).Parent);
            default:
                return [];
        }
    }

    /// <summary>The folder of a type, and the type that stands in a file of it; null for what the compiler adds beside our types.</summary>
    private (string Folder, string Type)? PlaceOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        while (!type.GetDeclaringType().IsNil) type = _reader.GetTypeDefinition(type.GetDeclaringType());
        string name = _reader.GetString(type.Name);
        return _files.FolderOf(_reader.GetString(type.Namespace), name) is { } folder ? (folder, name) : null;
    }

    /// <summary>The types of this assembly that a signature mentions.</summary>
    private sealed class Types(FolderGraph graph) : ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>
    {
        public ImmutableArray<TypeDefinitionHandle> GetArrayType(ImmutableArray<TypeDefinitionHandle> element, ArrayShape shape) => element;

        public ImmutableArray<TypeDefinitionHandle> GetByReferenceType(ImmutableArray<TypeDefinitionHandle> element) => element;

        public ImmutableArray<TypeDefinitionHandle> GetFunctionPointerType(
            MethodSignature<ImmutableArray<TypeDefinitionHandle>> signature) =>
            [.. signature.ReturnType, .. signature.ParameterTypes.SelectMany(t => t)];

        public ImmutableArray<TypeDefinitionHandle> GetGenericInstantiation(
            ImmutableArray<TypeDefinitionHandle> genericType, ImmutableArray<ImmutableArray<TypeDefinitionHandle>> typeArguments) =>
            [.. genericType, .. typeArguments.SelectMany(t => t)];

        public ImmutableArray<TypeDefinitionHandle> GetGenericMethodParameter(object? context, int index) => [];

        public ImmutableArray<TypeDefinitionHandle> GetGenericTypeParameter(object? context, int index) => [];

        public ImmutableArray<TypeDefinitionHandle> GetModifiedType(
            ImmutableArray<TypeDefinitionHandle> modifier, ImmutableArray<TypeDefinitionHandle> unmodified, bool isRequired) => unmodified;

        public ImmutableArray<TypeDefinitionHandle> GetPinnedType(ImmutableArray<TypeDefinitionHandle> element) => element;

        public ImmutableArray<TypeDefinitionHandle> GetPointerType(ImmutableArray<TypeDefinitionHandle> element) => element;

        public ImmutableArray<TypeDefinitionHandle> GetPrimitiveType(PrimitiveTypeCode code) => [];

        public ImmutableArray<TypeDefinitionHandle> GetSZArrayType(ImmutableArray<TypeDefinitionHandle> element) => element;

        public ImmutableArray<TypeDefinitionHandle> GetTypeFromDefinition(
            MetadataReader reader, TypeDefinitionHandle handle, byte kind) => [handle];

        public ImmutableArray<TypeDefinitionHandle> GetTypeFromReference(
            MetadataReader reader, TypeReferenceHandle handle, byte kind) => [];

        public ImmutableArray<TypeDefinitionHandle> GetTypeFromSpecification(
            MetadataReader reader, object? context, TypeSpecificationHandle handle, byte kind) => graph.Mentioned(handle);
    }
}
