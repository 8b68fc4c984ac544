package Mail::Wire::Command;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Exporter qw(import);
use Getopt::Long ();
use Mail::Wire::Words ();

# The command mailwire: finds the module of a sub-command and runs it. Conventions of these modules, Mail::Wire::Command::NAME each:
#
# - A row in @commands below. `run($class, @arguments)` gets what stands behind the sub-command's name, and returns an exit code of those below.
# - `options($class, \@arguments, @specs)` takes the options out (Getopt::Long's specs; short ones can be bundled). --help is answered by it:
#   the SYNOPSIS of the module's POD, which is one verbatim block of at most 24 lines, 76 columns.
# - What cannot go on calls `fail(CODE, TEXT)`; TEXT says what is wrong, where, and what to do, on one line without an end. Bad usage is USAGE.
#   It dies; `run` here prints "mailwire NAME: TEXT" and makes CODE the exit code. Warnings (carp) of the classes are printed alike.
# - Options of the link (TLS, AUTH, times) and connecting: Mail::Wire::Command::Connection. Lines per recipient, --json, colours, the worst exit
#   code: Mail::Wire::Command::Report. Files and standard input as messages, their header: Mail::Wire::Command::Message.
# - Everything on standard output goes by `say_out`, so that a full disk or a closed pipe is seen. Progress and errors go to standard error.
# - SIGINT, SIGTERM and SIGHUP set `stopped`; look at it between messages, and wait for what is in flight. The second one ends the process.
#   Where nothing is in flight (connecting, reading input) wrap the wait in `interruptible(CODE)`: there the first one ends it, by code TRY_AGAIN.
#   A pool is given to `halted_by_signals(POOL)`: it does not wait then for what is to be sent later.

our @EXPORT_OK = qw(fail failure options warn_of say_out stopped interruptible halted_by_signals
    OK USAGE REFUSED NO_INPUT NO_USER NO_HOST UNAVAILABLE SOFTWARE CANT_CREATE IO_ERROR TRY_AGAIN PROTOCOL NO_PERMISSION);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

# sysexits.h
use constant {
    OK => 0, USAGE => 64, REFUSED => 65, NO_INPUT => 66, NO_USER => 67, NO_HOST => 68, UNAVAILABLE => 69, SOFTWARE => 70,
    CANT_CREATE => 73, IO_ERROR => 74, TRY_AGAIN => 75, PROTOCOL => 76, NO_PERMISSION => 77,
};

my @commands = (
    [ check   => 'looks at a server' ],
    [ deliver => 'delivers a message from a mail server\'s pipe' ],
    [ drain   => 'sends a Maildir and removes what was accepted' ],
    [ import  => 'sends the messages of mailboxes' ],
    [ plan    => 'puts the messages of mailboxes into a queue' ],
    [ send    => 'sends messages from files or standard input' ],
    [ sink    => 'takes messages, shows them, delivers them nowhere' ],
    [ status  => 'says how the queue stands' ],
    [ worker  => 'sends what is in the queue' ],
);

our $is_interruptible;
my ($stopped, $running, $pool);

# What the program exits with.
sub run {
    my ($class, $name, @arguments) = @_;
    local $| = 1;
    local $SIG{PIPE} = 'IGNORE';
    local @SIG{qw(INT TERM HUP)} = (\&_stop) x 3;
    local $SIG{__WARN__} = \&warn_of;
    $running = $name;
    local $is_interruptible;
    undef $stopped;
    undef $pool;
    my $code = eval { my $is = _dispatch($name, @arguments); _flush(); $is };
    return defined $code ? $code : _excuse($name, $@);
}

sub _dispatch {
    my ($name, @arguments) = @_;
    fail(USAGE, 'no command; "mailwire help" lists them') if not defined $name;
    return _help(@arguments) if $name =~ /\A(?:help|--help|-h)\z/;
    return _version() if $name =~ /\A(?:version|--version|-V)\z/;
    return _module($name)->run(@arguments);
}

sub _module {
    my ($name) = @_;
    fail(USAGE, qq(no such command '$name'; "mailwire help" lists them)) if not grep { $_->[0] eq $name } @commands;
    my $module = __PACKAGE__ . '::' . ucfirst $name;
    require(_file($module));
    return $module;
}

sub _file {
    my ($module) = @_;
    $module =~ s{::}{/}g;
    return "$module.pm";
}

sub _help {
    my ($name) = @_;
    if (defined $name) {
        _show_synopsis($name eq 'link' ? _loaded(__PACKAGE__ . '::Connection') : _module($name));
        return OK;
    }
    say_out("usage: mailwire COMMAND [OPTION ...] [ARGUMENT ...]\n\n", map({ sprintf "  %-9s %s\n", @$_ } @commands),
        "\n  mailwire help COMMAND    what a command takes, on one screen\n",
        "  mailwire help link       options of the link, which all commands take\n",
        "  man mailwire             exit codes, examples\n");
    return OK;
}

sub _loaded {
    my ($module) = @_;
    require(_file($module));
    return $module;
}

sub _version {
    say_out("mailwire $VERSION\n");
    return OK;
}

sub _show_synopsis {
    my ($module) = @_;
    require Pod::Usage;
    open my $out, '>', \my $text or fail(SOFTWARE, "memory: $!");
    Pod::Usage::pod2usage(-input => $INC{ _file($module) }, -output => $out, -exitval => 'NOEXIT', -verbose => 99, -sections => 'SYNOPSIS');
    close $out or fail(SOFTWARE, "memory: $!");
    $text =~ s/\AUsage:\n//;
    $text =~ s/^ {4}//mg;
    $text =~ s/\n+\z/\n/;
    say_out($text);
    return;
}

# ---------------------------------------------------------------- for the sub-commands

sub fail {
    my ($code, $text) = @_;
    die bless { code => $code, text => $text }, 'Mail::Wire::Command::Failure';
}

# A reference to a hash of the options' values. What is left in @$arguments is no option.
sub options {
    my ($class, $arguments, @specs) = @_;
    my (%value, @wrong);
    my $before = Getopt::Long::Configure(qw(default gnu_getopt no_ignore_case no_auto_abbrev));
    my $is_good = do {
        local $SIG{__WARN__} = sub { push @wrong, @_ };
        Getopt::Long::GetOptionsFromArray($arguments, \%value, 'help|h', @specs);
    };
    Getopt::Long::Configure($before);
    my ($name) = lc($class) =~ /(\w+)\z/;
    fail(USAGE, join('; ', map { lcfirst Mail::Wire::Words::said($_) } @wrong) . qq(; see "mailwire $name --help")) if not $is_good;
    return \%value if not $value{help};
    _show_synopsis($class);
    die bless { code => OK }, 'Mail::Wire::Command::Failure';
}

sub say_out {
    print {*STDOUT} @_ or fail(IO_ERROR, "standard output: $!");
    return;
}

sub warn_of {
    print STDERR _words($running, 'warning: ' . Mail::Wire::Words::said($_[0]));
    return;
}

# The code and the text of what has died. Text: undef after --help.
sub failure {
    my ($error) = @_;
    return @{$error}{qw(code text)} if ref $error eq 'Mail::Wire::Command::Failure';
    return (TRY_AGAIN, "stopped by SIG$stopped") if defined $stopped;
    return (SOFTWARE, Mail::Wire::Words::said($error));
}

# The name of the signal that has come.
sub stopped { return $stopped }

sub interruptible {
    my ($code) = @_;
    local $is_interruptible = 1;
    _end_by($stopped) if defined $stopped;
    return $code->();
}

# The pool, for as long as the caller has it.
sub halted_by_signals {
    require Scalar::Util;
    Scalar::Util::weaken($pool = $_[0]);
    _halt() if defined $stopped;
    return $pool;
}

sub _halt {
    $pool->halt("stopped by SIG$stopped") if $pool;
    return;
}

sub _stop {
    my ($name) = @_;
    $stopped = $name;
    $SIG{$_} = 'DEFAULT' foreach qw(INT TERM HUP);
    _halt();
    _end_by($name) if $is_interruptible;
    return;
}

sub _end_by { fail(TRY_AGAIN, "stopped by SIG$_[0]") }

# ---------------------------------------------------------------- the end

# What was printed is not written before this.
sub _flush {
    require IO::Handle;
    STDOUT->flush or fail(IO_ERROR, "standard output: $!");
    return;
}

sub _excuse {
    my ($name, $error) = @_;
    my ($code, $text) = failure($error);
    print STDERR _words($name, $code == SOFTWARE ? "failed: $text" : $text) if defined $text;
    return $code;
}

sub _words {
    my ($name, $text) = @_;
    my $who = defined $name && grep({ $_->[0] eq $name } @commands) ? "mailwire $name" : 'mailwire';
    $text =~ s/\s+\z//;
    return "$who: $text\n";
}

# Of an error of the classes: what it says, without the line of ours that called them.
1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command - the command mailwire

=head1 DESCRIPTION

Internal to Mail-Wire: it finds the module of a sub-command of L<mailwire> and runs it. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
