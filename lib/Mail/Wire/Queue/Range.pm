package Mail::Wire::Queue::Range;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Queue::Manifest ();
use Mail::Wire::Queue::Store ();
use Mail::Wire::Words ();

our @CARP_NOT = ('Mail::Wire::Import');

# A range that a worker has taken, as the journal of Mail::Wire::Import: what is about to be sent is in the store before it is sent, answers follow
# with what is sent next. What a killed worker had sent, and has no rows, is in doubt.

# A server's words, in a row.
use constant TEXT_MAX => 200;

# Answers that are here are not lost because the database is away for a while, such as to be started anew: seconds.
use constant PATIENCE => 600;

# store, id, job; in_doubt: report, resend or skip; skips_unread, true when a message that cannot be read is not to stop it. Nothing: the range has
# another job.
sub new {
    my ($class, %in) = @_;
    my $taken = $in{store}->take(@in{qw(id job)}) or return;
    my $self = bless { %in, %$taken, step => 0, pending => [], next => $taken->{mark}, manifest_of => Mail::Wire::Queue::Manifest->new }, $class;
    $self->{lines} = $taken->{manifest};
    $self->_settle_doubts if $self->{ahead} > $self->{mark};
    return $self;
}

sub url      { return $_[0]{url} }
sub envelope { return $_[0]{manifest_of} }

# Why no more is to be sent; undef if nothing is wrong.
sub broken { return $_[0]{broken} }

sub _settle_doubts {
    my ($self) = @_;
    my $status = { report => 'doubt', skip => 'skipped' }->{ $self->{in_doubt} } or return;
    foreach my $number (grep { !$self->{rows}{$_} } $self->{mark} .. $self->{ahead} - 1) {
        my @recipients = @{ Mail::Wire::Queue::Manifest::fields($self->{lines}[$number])->{recipients} };
        $self->_row($number, $_, $recipients[$_], $status, '', '', 'a worker sent it, and did not live to see the answer') foreach 0 .. $#recipients;
        $self->{doubts}++;
    }
    return $self->sync;
}

# How many messages are in doubt since another worker was killed.
sub doubts { return $_[0]{doubts} || 0 }

# ---------------------------------------------------------------- messages

# Those that have no rows; undef at the end.
sub next {
    my ($self) = @_;
    $self->{next} = $self->{mark} if $self->{next} < $self->{mark};    # those have their rows
    while (not defined $self->{broken} and $self->{next} < @{ $self->{lines} }) {
        my $number = $self->{next}++;
        next if $self->{rows}{$number};
        my $message = eval { $self->{manifest_of}->message($self->{lines}[$number], $number) };
        return $message if $message;
        $self->unread($number, $@);
    }
    return;
}

sub unread {
    my ($self, $number, $why) = @_;
    $why = Mail::Wire::Words::said($why);
    if (not $self->{skips_unread}) {
        $self->{broken} = "$why; see --skip-unread";
        return;
    }
    my @recipients = @{ Mail::Wire::Queue::Manifest::fields($self->{lines}[$number])->{recipients} };
    $self->_row($number, $_, $recipients[$_], 'unread', '', '', $why) foreach 0 .. $#recipients;
    return;
}

# ---------------------------------------------------------------- as a journal

sub known { return '' }

sub begin {
    my ($self, @jobs) = @_;
    my $ahead = 1 + $jobs[-1]{message}{planned}{number};
    return $self->_write($ahead > $self->{ahead} ? $ahead : $self->{ahead});
}

# Nothing was sent where no link could be had: that is for later.
sub answered {
    my ($self, $job, @results) = @_;
    my $number = $job->{message}{planned}{number};
    my ($away) = grep { $_->stage eq 'connect' } @results;
    if ($away and @results == grep { $_->stage eq 'connect' } @results) {
        $self->{broken} = "$self->{url} does not answer: " . $away->message if not defined $self->{broken};
        return;
    }
    foreach my $result (@results) {
        $self->_row($number, $result->index, $result->recipient, $result->maybe_delivered ? 'doubt' : $result->status, $result->stage, $result->code,
            $result->message);
    }
    return;
}

# All that was sent has its answers.
sub sync { return $_[0]->_write(undef) }

sub _row {
    my ($self, $number, $place, $recipient, @answer) = @_;    # status, stage, code, words
    my $words = Mail::Wire::Queue::Store::escaped(substr pop @answer, 0, TEXT_MAX);
    push @{ $self->{pending} }, [ $number, $place, Mail::Wire::Queue::Store::escaped($recipient), @answer, $words ];
    $self->{rows}{$number} = 1;
    return;
}

# ahead: undef when nothing is on its way.
sub _write {
    my ($self, $ahead) = @_;
    my $rows = $self->{rows};
    delete $rows->{ $self->{mark}++ } while $rows->{ $self->{mark} };
    $ahead = $self->{mark} if not defined $ahead;
    $self->{ahead} = $ahead;
    my $is_ours = $self->_patiently(sub { $self->{store}->move($self, $self->{pending}) });
    $is_ours or croak "range $self->{id} was taken by another worker";
    $self->{step}++;
    $self->{pending} = [];
    return;
}

sub _patiently {
    my ($self, $code) = @_;
    my $tries = 0;
    while (1) {
        my $value;
        return $value if eval { $value = $code->(); 1 };
        my $error = $@;
        die $error if $tries++ >= PATIENCE or $self->{store}->lives and $tries > 3;
        $self->{told}->("the queue: $error") if $self->{told} and $tries == 1;
        sleep 1;
    }
}

# Whether all of it is done.
sub is_done { my ($self) = @_; return $self->{mark} >= @{ $self->{lines} } }

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Range - a range as a journal of an import

=head1 DESCRIPTION

Internal to Mail-Wire: what a worker does is written by it. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
