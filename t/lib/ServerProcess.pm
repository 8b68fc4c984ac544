package ServerProcess;

# A server in a child of the test, and the line to it: what the scripted servers of t/lib and xt/lib have in common.
#
#   my $self = ServerProcess->new;                  # or of a class of its own
#   $self->listen_on('ipv4');                       # or 'ipv6', 'unix'; rcvbuf => BYTES keeps small what is taken unread
#   $self->start(sub { my ($listener, $control) = @_; ... });
#   ... put_frame($self->{control}, \%question), get_frame($self->{control}) ...
#
#   host  port  path  args  pid  stop
#
# The child has nothing of the test but its listener, its end of the line, STDERR, and what `keep => [ HANDLE, ... ]` names. It ends
# when the object goes, or the test does. One that died before fails the test: its reason goes to STDERR, and the test's exit
# status is not 0. So does $self->fail(@reasons).

use strict;
use warnings;

use Errno qw(EBADF EINTR);
use Exporter qw(import);
use File::Temp ();
use POSIX ();
use Scalar::Util qw(weaken);
use Socket;
use Storable qw(nfreeze thaw);

our @EXPORT_OK = qw(put_frame get_frame);

use constant KILLED => 9;    # as a wait status

my %Running;    # pid => server, weak
my $Failed = 0;

sub new { return bless {}, $_[0] }

sub listen_on {
    my ($self, $kind, %arg) = @_;
    my ($family, $address) = $self->_place($kind);
    socket(my $listener, $family, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($listener, SOL_SOCKET, SO_RCVBUF, pack 'i', $arg{rcvbuf}) if $arg{rcvbuf};
    bind($listener, $address) or die "bind: $!";
    listen($listener, 16) or die "listen: $!";
    $self->{listener} = $listener;
    $self->{port} = port_of($listener) if $kind ne 'unix';
    return;
}

sub _place {
    my ($self, $kind) = @_;
    if ($kind eq 'unix') {
        $self->{folder} = File::Temp->newdir;
        $self->{path}   = "$self->{folder}/socket";
        return (AF_UNIX, pack_sockaddr_un($self->{path}));
    }
    $self->{host} = $kind eq 'ipv6' ? '::1' : '127.0.0.1';
    return $kind eq 'ipv6'
        ? (AF_INET6, Socket::pack_sockaddr_in6(0, Socket::inet_pton(AF_INET6, '::1')))
        : (AF_INET, pack_sockaddr_in(0, INADDR_LOOPBACK));
}

sub port_of {
    my $name = getsockname $_[0];
    return sockaddr_family($name) == AF_INET ? (unpack_sockaddr_in($name))[0] : (Socket::unpack_sockaddr_in6($name))[0];
}

sub has_ipv6 {
    return 0 if !defined &Socket::pack_sockaddr_in6;
    socket(my $socket, AF_INET6, SOCK_STREAM, 0) or return 0;
    return bind($socket, Socket::pack_sockaddr_in6(0, Socket::inet_pton(AF_INET6, '::1'))) ? 1 : 0;
}

sub start {
    my ($self, $code, %arg) = @_;
    my $listener = delete $self->{listener};
    socketpair(my $parent, my $child, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        my $whole = eval {
            _leave_the_test($child, grep {defined} $listener, @{ $arg{keep} || [] });
            $code->($listener, $child);
            1;
        };
        print STDERR '# ', ref $self, ": $@" if !$whole;
        POSIX::_exit($whole ? 0 : 1);
    }
    @$self{qw(pid owner control)} = ($pid, here(), $parent);
    weaken($Running{$pid} = $self);
    return $self;
}

# A client's descriptor that the child holds too would keep a link open that the test has closed; another server's line would keep
# that server alive. Perl counts the users of each descriptor, so they are not closed behind its back but turned to nowhere.
sub _leave_the_test {
    my %keep = map { fileno $_ => 1 } @_;
    $SIG{$_} = 'DEFAULT' for qw(ALRM HUP INT TERM USR1 USR2);
    delete @SIG{qw(__DIE__ __WARN__)};
    $SIG{PIPE} = 'IGNORE';
    open STDIN,  '<', '/dev/null' or die "/dev/null: $!";
    open STDOUT, '>', '/dev/null' or die "/dev/null: $!";
    for my $fd (grep { !$keep{$_} } 3 .. 255) {
        $! = 0;
        POSIX::lseek($fd, 0, POSIX::SEEK_CUR());
        POSIX::dup2(fileno STDIN, $fd) if $! != EBADF;
    }
    return;
}

sub host { return $_[0]{host} }
sub port { return $_[0]{port} }
sub path { return $_[0]{path} }
sub pid  { return $_[0]{pid} }

# What a client's constructor takes: (HOST, PORT) or (PATH, undef).
sub args {
    my ($self) = @_;
    return defined $self->{path} ? ($self->{path}, undef) : ($self->{host}, $self->{port});
}

# A copy in another process, or in another thread, must not end the server.
sub is_ours { return $_[0]{owner} eq here() }

sub here { return join '.', $$, $INC{'threads.pm'} ? threads->tid : 0 }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    return if not $self->is_ours;
    delete $Running{$pid};
    local ($?, $!, $@);
    my $before = _status_of($pid, POSIX::WNOHANG());
    kill 'KILL', $pid;
    my $status = defined $before ? $before : _status_of($pid, 0);
    $self->fail("ended before the test, by wait status $status") if $before or $status and $status != KILLED;
    close $self->{control};
    return;
}

sub fail {
    my ($self, @reasons) = @_;
    print STDERR map { '# ' . ref($self) . ": $_\n" } @reasons;
    $Failed = 1;
    return;
}

# undef when it has not ended, or nobody knows any more.
sub _status_of {
    my ($pid, $flags) = @_;
    my $ended;
    do { $ended = waitpid $pid, $flags } while $ended < 0 && $! == EINTR;
    return $ended == $pid ? $? : undef;
}

sub DESTROY { $_[0]->stop; return }

END {
    my @left = grep {defined} values %Running;
    $_->stop for @left;
    $? ||= 1 if $Failed;
}

# ---- frames: four bytes of length and a frozen structure

# False when nobody is there.
sub put_frame {
    my ($handle, $data) = @_;
    return write_whole($handle, pack 'N/a*', nfreeze($data));
}

# undef at the end.
sub get_frame {
    my ($handle) = @_;
    my $bytes = get_bytes($handle);
    return defined $bytes ? thaw($bytes) : undef;
}

sub get_bytes {
    my ($handle) = @_;
    my $size = read_whole($handle, 4);
    return defined $size ? read_whole($handle, unpack 'N', $size) : undef;
}

sub write_whole {
    my ($handle, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $put = syswrite $handle, $bytes;
        next if !defined $put && $! == EINTR;
        return 0 if !$put;
        substr $bytes, 0, $put, '';
    }
    return 1;
}

# undef when there are not so many.
sub read_whole {
    my ($handle, $length) = @_;
    my $bytes = '';
    while (length $bytes < $length) {
        my $got = sysread $handle, $bytes, $length - length $bytes, length $bytes;
        next if !defined $got && $! == EINTR;
        return undef if !$got;
    }
    return $bytes;
}

1;
