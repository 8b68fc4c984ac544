package Mail::Wire::Standard;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Fcntl qw(F_GETFD);

our @CARP_NOT = ('Mail::Wire::Sink');

# The process and the thread that this runs in. An object that belongs to one of them remembers it: its copy in another thread has to be
# told apart from it. (CLONE_SKIP would make no copy, but perl panics when a weak reference to what was skipped goes.)
sub here { return join '.', $$, thread() }

sub thread { return $INC{'threads.pm'} ? threads->tid : 0 }

# A program that has closed its input, output or errors goes on printing and warning, as do others that it runs. What is opened next
# has the descriptor that they write to. It also has the place among perl's own handles that a warning goes to when STDERR is closed,
# whatever its descriptor is. So the handles of ours are opened while both are taken.

# What the code returns, and $! as it left it.
sub apart {
    my ($code) = @_;
    my @held = _is_whole() ? () : map { _nowhere() } 1 .. 3;
    my $result = $code->();
    my $error = $!;
    @held = ();
    $! = $error;
    return $result;
}

# What the code returns, and $! as it left it. What it writes to a peer that is gone raises no SIGPIPE. Where signals are held back one that is
# ignored waits all the same, for a handler that may come: it goes when it is ignored anew.
sub unpiped {
    my ($code) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $result = $code->();
    my $error = $!;
    $SIG{PIPE} = 'IGNORE';    ## no critic (RequireLocalizedPunctuationVars) it is localized
    $! = $error;
    return $result;
}

sub _is_whole {
    my $number = 0;
    foreach my $handle (\*STDIN, \*STDOUT, \*STDERR) {
        return 0 if tied *$handle;
        my $fd = fileno $handle;
        return 0 if not defined $fd or $fd != $number++ or not defined fcntl $handle, F_GETFD, 0;
    }
    return 1;
}

# Where the program's root has no devices there is a folder, which nobody can write to either.
sub _nowhere {
    no warnings 'io';    # "STDERR reopened as $fh only for input"
    foreach my $place ('/dev/null', '/') {
        open my $fh, '<', $place or next;
        return $fh;
    }
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Standard - handles that are apart from a program's input, output and errors, and writing without SIGPIPE

=head1 DESCRIPTION

Internal to Mail-Wire: opens handles so that nobody else's output goes into them, and writes to peers that may be gone. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
