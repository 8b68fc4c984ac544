package CommandTest;

# Runs script/mailwire as a child, as a shell would.
#
#   my ($code, $out, $err) = mailwire({ stdin => $octets, env => { NAME => VALUE }, stdout => $path }, @arguments);
#   my $pid = start({ ... }, @arguments);  my ($code, $out, $err) = finish($pid);    # or finish_if_ended
#
# Standard input is a pipe; stdin_file => PATH makes it that file. fd => { NUMBER => $octets } gives it such a descriptor, which can be read.
# One that takes longer than a minute is ended; wait => SECONDS gives it more.
# closed => [ NUMBERS ]: it has no such descriptors.
# The code is the exit code, or minus the number of the signal that ended it.

use strict;
use warnings;

use Cwd ();
use Exporter qw(import);
use File::Spec ();
use File::Temp ();
use POSIX ();
use ServerProcess;

our @EXPORT = qw(mailwire start finish finish_if_ended output errors wait_for leaving_server write_file read_file);

use constant WAIT => 60;

my $folder = File::Temp->newdir;
my $script = File::Spec->rel2abs('script/mailwire');
my @perl   = ($^X, map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC);
my (%started, $number);

sub mailwire { return finish(start(@_)) }

sub start {
    my ($how, @arguments) = @_;
    my $base = "$folder/" . ++$number;
    write_file("$base.err", '');
    write_file("$base.in", defined $how->{stdin} ? $how->{stdin} : '');
    defined(my $pid = fork) or die "fork: $!";
    _become($how, $base, @arguments) if !$pid;
    $started{$pid} = $base;
    return $pid;
}

sub _become {
    my ($how, $base, @arguments) = @_;
    eval {
        local %ENV = (%ENV, NO_COLOR => '', %{ $how->{env} || {} });
        _descriptor($base, $_, $how->{fd}{$_}) for keys %{ $how->{fd} || {} };
        my $in = $how->{stdin_file};
        open STDIN,  $in ? '<' : '-|', $in ? $in : ('cat', "$base.in") or die "input: $!";
        open STDOUT, '>', $how->{stdout} || "$base.out" or die "output: $!";
        open STDERR, '>', "$base.err" or die "errors: $!";
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
        alarm($how->{wait} || WAIT);
        POSIX::close($_) for @{ $how->{closed} || [] };
        exec { $perl[0] } @perl, $script, @arguments or die "exec: $!";
    };
    print STDERR $@;
    POSIX::_exit(127);
}

sub _descriptor {
    my ($base, $fd, $octets) = @_;
    write_file("$base.$fd", $octets);
    my $from = POSIX::open("$base.$fd", POSIX::O_RDONLY());
    POSIX::dup2($from, $fd);
    return;
}

sub finish { return _ended(waitpid $_[0], 0) }

# Nothing as long as it runs.
sub finish_if_ended {
    my ($pid) = @_;
    return waitpid($pid, POSIX::WNOHANG()) == $pid ? _ended($pid) : ();
}

# What it has said so far.
sub output { my $path = $started{ $_[0] } . '.out'; return -f $path ? read_file($path) : '' }

sub errors { return read_file($started{ $_[0] } . '.err') }

# Asks until it is true, for a minute, or so many seconds.
sub wait_for {
    my ($is_so, $seconds) = @_;
    for (1 .. ($seconds || WAIT) * 20) {
        return 1 if $is_so->();
        select undef, undef, undef, 0.05;
    }
    return 0;
}

# An LMTP server that serves one link until it says QUIT, and is gone then.
sub leaving_server {
    my $server = ServerProcess->new;
    $server->listen_on('unix');
    return $server->start(sub {
        my ($listener) = @_;
        accept my $link, $listener or die "accept: $!";
        close $listener;
        unlink $server->path or die "unlink: $!";
        syswrite $link, "220 host\r\n";
        while (defined(my $line = readline $link)) { syswrite $link, $line =~ /\AQUIT/ ? "221 bye\r\n" : "250 host\r\n" }
    });
}

sub _ended {
    my ($pid) = @_;
    my $code = $? & 127 ? -($? & 127) : $? >> 8;
    my $base = delete $started{$pid};
    return ($code, map { -f "$base.$_" ? read_file("$base.$_") : '' } qw(out err));
}

sub write_file {
    my ($path, $octets) = @_;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $octets;
    close $out or die "$path: $!";
    return $path;
}

sub read_file {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    my $octets = <$in>;
    return defined $octets ? $octets : '';
}

END { kill 'KILL', $_ for keys %started }

1;
