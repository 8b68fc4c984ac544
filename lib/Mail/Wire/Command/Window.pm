package Mail::Wire::Command::Window;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Pool ();
use Mail::Wire::Words ();

# Several messages over a link that is made again when it is lost, some of them on their way at once: each is an open file.

use constant SIZE => 50;

# told gets the tag of a message and its results. When it dies, nothing more is sent: what it died of comes out of `submit` or `finish`, when all
# that is on its way has its results, and told had them. The first connection is only made to see that there is a server which takes us: if not, the
# exit code says why, and no message is begun.
sub new {
    my ($class, $url, $option, $told) = @_;
    Mail::Wire::Command::Connection::dial($url, $option)->quit;
    my $pool = eval {
        Mail::Wire::Pool->new($url, Mail::Wire::Command::Connection::settings($option),
            Links => 1, Retries => 0, Window => SIZE, Backlog => SIZE, InOrder => 1);
    };
    fail(USAGE, Mail::Wire::Words::said($@)) if not $pool;
    return bless { pool => halted_by_signals($pool), told => $told }, $class;
}

# Dies as submit of the pool does.
sub submit {
    my ($self, $tag, %arguments) = @_;
    $self->finish if defined $self->{error};
    $self->{pool}->submit(%arguments, Tag => $tag);
    $self->_collect if $self->{pool}->in_flight >= SIZE;
    return;
}

# Everything has its results.
sub finish {
    my ($self) = @_;
    $self->_collect while $self->{pool}->in_flight;
    die delete $self->{error} if defined $self->{error};
    return;
}

sub close { return $_[0]{pool}->close }

sub _collect {
    my ($self) = @_;
    my $delivery = $self->{pool}->collect;
    local $@;
    eval { $self->{told}->($delivery->tag, $delivery->results); 1 } or defined $self->{error} or $self->{error} = $@;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Window - several messages that the command mailwire has on their way

=head1 DESCRIPTION

Internal to Mail-Wire: it stands between the command L<mailwire> and L<Mail::Wire::Pool>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
