namespace UffdActors;

/// <summary>
/// Error numbers of Linux on x86-64, named as <c>errno</c>(3) prints them. <see cref="None"/> is success.
/// Only those are here that a call of this interface can give.
/// </summary>
#pragma warning disable CS1591 // The names are the documentation.
public enum Errno
{
    None = 0,
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    EBADF = 9,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ENOTTY = 25,
    ENOSPC = 28,
    ESPIPE = 29,
    ENOSYS = 38,
    ENODATA = 61,
    ENOPROTOOPT = 92,
    EOPNOTSUPP = 95,
    ETIMEDOUT = 110,
    ECANCELED = 125,
    EHWPOISON = 133,
}
#pragma warning restore CS1591
