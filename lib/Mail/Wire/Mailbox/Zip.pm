package Mail::Wire::Mailbox::Zip;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::Input ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# A zip archive, file by file.

use constant BLOCK => 1 << 17;

# Fields: input, place, how.
sub new {
    my ($class, %in) = @_;
    my $self = bless {%in}, $class;
    require IO::Uncompress::Unzip;
    my $file = $self->{input} = $in{input}->settled;
    sysseek $file->file, 0, 0;
    $self->{zip} = IO::Uncompress::Unzip->new($file->file, Strict => 1) or $self->_fail;
    return $self;
}

sub _fail {
    my ($self) = @_;
    no warnings 'once';
    return $self->{input}->fail('the archive is cut, damaged or of a kind that cannot be read: '
        . ($IO::Uncompress::Unzip::UnzipError || 'what follows is no file'), tell $self->{input}->file);
}

sub _read {
    my ($self) = @_;
    my $got = $self->{zip}->read(my $text, BLOCK);
    $self->_fail if not defined $got or $got < 0;
    return $got ? $text : '';
}

sub next {
    my ($self) = @_;
    while (1) {
        if ($self->{is_open}) {
            1 while length $self->_read;
            my $is_next = $self->{zip}->nextStream;
            $self->_fail if $is_next < 0;
            return if not $is_next;
        }
        $self->{is_open} = 1;
        my $place = $self->{zip}->getHeaderInfo->{Name};
        $self->_fail if not defined $place;
        next if $place =~ m{/\z};
        my $part = Mail::Wire::Mailbox::Input->of_code($self->{input}->name . ": $place", sub { $self->_read });
        return [ $part, length $self->{place} ? "$self->{place}/$place" : $place ];
    }
}

1;
